"""One pod: a fresh, read-only root file system, a user that is not root, and the mounts of the backend.

The container is this machine's system and Python environment; no other file of the machine is there. The mounts are
those of compiler/argocompiler/container.go.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from kubeflow.simulator import sandbox
from schema.errors import ConfigurationError

_SYSTEM: Final = ("/bin", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sbin", "/usr")
_KERNEL: Final = ("/dev", "/proc", "/sys")
# Empty and writable in every pod: where the launcher mirrors object stores, and folders that libraries write to. The
# root is read-only here, which the backend leaves to the image, so /tmp is one of them.
SCRATCH: Final = ("/minio", "/s3", "/gcs", "/.local", "/.cache", "/.config", "/tmp")  # noqa: S108
_USER: Final = 1000
_ROOT: Final = "/.root"  # where the root file system is put together


@dataclass(frozen=True)
class Pod:
    """Attributes:
    folder: where its scratch folders lie; made anew.
    mounts: further folders, writable, by their path in the pod.
    empty: paths of further folders that are writable and empty.
    """

    folder: Path
    mounts: Mapping[str, Path] = field(default_factory=dict)
    empty: Sequence[str] = ()

    def path(self, inside: str) -> Path:
        """Where a path in one of the scratch folders lies on this machine."""
        return self.folder / inside.lstrip("/")

    def prepare(self) -> None:
        """Makes the scratch folders, without anything in them."""
        self.remove()
        for scratch in (*SCRATCH, *self.empty, _ROOT):
            self.path(scratch).mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Leaves nothing of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> int:
        """Runs the command to its end; what it starts is ended with it where this process is interrupted.

        Returns the exit code, or the negative number of the signal that ended it.
        """
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps(self._plan(command)), "utf-8")
        process = subprocess.Popen(
            [*_UNSHARE, sys.executable, "-I", sandbox.__file__, str(plan)],
            env=_container_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait()
        finally:
            _end(process)

    def _plan(self, command: Sequence[str]) -> dict[str, object]:
        system = [path for path in _SYSTEM if Path(path).is_dir() and not Path(path).is_symlink()]
        writable = {scratch: self.path(scratch) for scratch in (*SCRATCH, *self.empty)} | dict(self.mounts)
        mounts = [_mount(path, path, writable=False) for path in system]
        mounts += [_mount(path, path, writable=True) for path in _KERNEL]
        mounts += [_mount(str(writable[path].resolve()), path, writable=True) for path in sorted(writable)]
        mounts += [_mount(path, path, writable=False) for path in _image_folders(system)]
        return {
            "root": str(self.path(_ROOT)),
            "links": {path: str(Path(path).readlink()) for path in _SYSTEM if Path(path).is_symlink()},
            "mounts": mounts,
            "command": [*_BECOME_USER, *command],
        }


_UNSHARE: Final = ("unshare", "--user", "--map-root-user", "--mount")
# In namespaces within the namespaces: nothing is left of the rights that the mounts took.
_BECOME_USER: Final = ("unshare", "--user", f"--map-user={_USER}", f"--map-group={_USER}", "--")


def check_namespaces(scratch: Path) -> None:
    """Raises ConfigurationError where this machine does not let its users make pods like these."""
    pod = Pod(scratch / "namespaces")
    pod.prepare()
    log = pod.folder / "log.txt"
    try:
        with log.open("wb") as file:
            code = pod.run(["true"], {}, file)
        reasons = log.read_text("utf-8", errors="replace").splitlines()[-1:]
    except FileNotFoundError as error:
        code, reasons = 1, [str(error)]
    finally:
        pod.remove()
    if code:
        raise ConfigurationError(
            "This machine cannot simulate a pod, which takes user and mount namespaces (Linux 5.12, util-linux).",
            reasons=reasons,
            fix="allow them (on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0; in Docker: "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined), or run as root",
        )


def _image_folders(system: Sequence[str]) -> list[str]:
    """What stands for the image's own content: the Python environment and the code of this project."""
    code = Path(__file__).resolve().parents[2]
    folders = {str(code), *(str(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix))}
    return sorted(folder for folder in folders if not any(Path(folder).is_relative_to(path) for path in system))


def _mount(source: str, target: str, *, writable: bool) -> dict[str, object]:
    return {"source": source, "target": target, "writable": writable}


def _container_environment(own: Mapping[str, str]) -> dict[str, str]:
    """As the image sets it up, and the container's own variables; nothing of this process."""
    code = Path(__file__).resolve().parents[2]
    environment = Path(sys.prefix).resolve() / "bin"
    return {"PATH": f"{environment}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(code), **own}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends whatever is left of the process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
