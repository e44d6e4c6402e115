"""A MariaDB server of one's own, in a folder, for tests of metadata on a server."""

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pymysql

START_SECONDS = 60.0
# Debian: apt-get install mariadb-server-core mariadb-client-core
PROGRAMS = ("mariadbd", "mariadb-install-db")


class MySqlServer:
    """Attributes: port: on 127.0.0.1, the same after a restart."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise RuntimeError(
                f"{', '.join(missing)} not found; Debian: apt-get install mariadb-server-core mariadb-client-core"
            )
        self.port = _free_port()
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            ["mariadb-install-db", *self._place, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        command = [
            "mariadbd",
            *self._place,
            f"--socket={self._socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            *self._options,
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """As root, who needs no password. Returns the rows of the last statement."""
        with contextlib.closing(pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True)) as link:
            cursor = link.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    @property
    def _place(self) -> list[str]:
        return ["--no-defaults", f"--user={getpass.getuser()}", f"--datadir={self._folder / 'data'}"]

    @property
    def _socket(self) -> Path:
        return self._folder / "socket"

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.MySQLError:
            return False
        return True


@contextlib.contextmanager
def mysql_server(folder: Path, options: Sequence[str] = ()) -> Iterator[MySqlServer]:
    server = MySqlServer(folder, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
