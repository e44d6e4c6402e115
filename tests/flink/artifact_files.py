"""What a step wrote."""

from pathlib import Path

from tests.steps import Artifacts


def folder(artifacts: Artifacts, name: str) -> Path:
    [artifact] = artifacts[name]
    return Path(artifact.uri)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
