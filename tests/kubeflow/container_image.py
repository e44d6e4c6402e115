"""The image as its Dockerfile has it, and its build steps executed without Docker."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
IMAGE: Final = ROOT / "kubeflow" / "image"
DOCKERFILE: Final = IMAGE / "Dockerfile"
USER: Final = 65532
STEP_SECONDS: Final = 300


@dataclass(frozen=True)
class Instruction:
    """One of a Dockerfile. Attributes: stage: the name of its stage; empty before the first."""

    stage: str
    keyword: str
    value: str


def instructions() -> list[Instruction]:
    """In their order, without comments, with continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    found: list[Instruction] = []
    stage = ""
    for line in filter(None, re.sub(r"\s*\\\n\s*", " ", text).splitlines()):
        keyword, value = line.split(maxsplit=1)
        if keyword == "FROM":
            stage = value.split(" AS ")[1]
        found.append(Instruction(stage, keyword, value))
    return found


def locked_versions(lock: Path) -> dict[str, str]:
    """Name and version of each entry of a lock file, with its marker, by the whole line without its hashes."""
    return {line.split(" \\")[0]: line.split("==")[1].split(" ")[0] for line in _entries(lock)}


def _entries(lock: Path) -> list[str]:
    return [line for line in lock.read_text("utf-8").splitlines() if line and line[0].isalnum()]


def run_step(*command: str | Path, path: Path, environment: dict[str, str] | None = None) -> str:
    """Runs a build step with the programs of one folder first on the PATH; returns what it prints."""
    finished = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout
