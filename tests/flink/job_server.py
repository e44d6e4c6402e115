"""Beam's job server for Flink, with a Flink in the same process; and workers that do not have this project."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pipeline.beam_check import check_engine
from pipeline.beam_settings import FlinkBeam
from schema.errors import ConfigurationError

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "flink"  # what `make test-flink` fetches
DRIVER: Final = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_SECONDS: Final = 120.0


@contextmanager
def job_server(folder: Path) -> Iterator[str]:
    """Its endpoint; what it prints is in `folder`."""
    jars = BUILD / "lib"
    assert any(jars.glob("beam-runners-flink-*.jar")), "run these tests by `make test-flink`, which fetches Flink"
    job_port, artifact_port = _free_ports(2)
    command = ["java", "-Xmx1g", "-cp", f"{jars}/*", DRIVER, "--flink-master=[local]"]
    ports = [f"--job-port={job_port}", f"--artifact-port={artifact_port}", "--expansion-port=0"]
    with (folder / "job_server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *ports, f"--artifacts-dir={folder / 'artifacts'}"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(process, f"localhost:{job_port}", folder)
            yield f"localhost:{job_port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10.0)
            process.kill()
            process.wait()


def make_workers(folder: Path) -> Path:
    """A boot program whose Python has the libraries of this environment, but not this project.

    Returns:
        The program.
    """
    environment = folder / "environment"
    subprocess.run([_base_python(), "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = Path(sysconfig.get_path("purelib"))
    target = environment / packages.relative_to(sys.prefix)
    for entry in packages.iterdir():
        if "breast_imaging" not in entry.name and not (target / entry.name).exists():
            (target / entry.name).symlink_to(entry)
    program = folder / "boot"
    (folder / "files").mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"cd {folder}\n"
        f'exec {BUILD / "container"} --semi_persist_dir=$(mktemp -d {folder}/files/XXXXXX) "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def worker_variables(program: Path) -> dict[str, str]:
    """Without a cluster's image, the libraries are those of the environment, and no package index is asked."""
    return {
        "PATH": f"{program.parent / 'environment' / 'bin'}:{os.environ['PATH']}",
        "RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": "",
    }


def _base_python() -> str:
    found = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path=f"{sys.base_prefix}/bin")
    assert found
    return found


def _wait_for(process: subprocess.Popen[bytes], endpoint: str, folder: Path) -> None:
    settings = FlinkBeam(job_endpoint=endpoint, environment={"type": "loopback"}, temp_location=str(folder))
    end = time.monotonic() + _SECONDS
    while True:
        try:
            check_engine(settings, [])
            return
        except ConfigurationError:
            assert process.poll() is None, (folder / "job_server.log").read_text()
            assert time.monotonic() < end, "the job server does not answer"
            time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
