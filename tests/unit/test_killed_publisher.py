"""A publisher killed at any instant: a server sees the old versions or the new one too, whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.publisher.checksums import checksums_of, read_checksums
from components.publisher.releases import publish, staged, versions

OLD = "7"
FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"i", "assets.extra/model.json": b"{}"}
# Dies of the given occasion of those on which Python asks the system for something.
PUBLISHER = """
import os, signal, sys
from pathlib import Path
from components.publisher.releases import publish, staged

model, base, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
WATCHED = {"open", "os.mkdir", "os.rename", "os.listdir", "os.scandir", "os.remove", "os.rmdir", "os.utime",
           "os.chmod", "shutil.copyfile", "shutil.copytree", "shutil.copystat", "shutil.rmtree", "fcntl.flock"}
count = 0

def watch(event, arguments):
    global count
    if event in WATCHED:
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
with staged(model, model.parent / "cards", base) as staging:
    publish(staging, base)
print(count)
"""


def _run(model: Path, base: Path, last: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PUBLISHER, str(model), str(base), str(last)],
        capture_output=True,
        text=True,
        check=False,
    )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    _write(tmp_path / "model", FILES)
    _write(tmp_path / "cards", {"model_card.md": b"# Model card"})
    return tmp_path / "model"


@pytest.mark.slow
def test_killed_at_any_instant_it_leaves_whole_versions_alone(model: Path, tmp_path: Path) -> None:
    whole = tmp_path / "undisturbed"
    occasions = int(_run(model, whole, last=0).stdout)
    published = checksums_of(whole / str(versions(whole)[0]))
    assert occasions > 40
    new_ones = []

    for last in range(1, occasions + 1):
        base = tmp_path / str(last)
        _write(base / OLD, FILES)
        assert _run(model, base, last).returncode == -signal.SIGKILL

        old, *new = versions(base)
        assert str(old) == OLD
        assert checksums_of(base / OLD) == checksums_of(model)
        for version in new:
            assert checksums_of(base / str(version)) == read_checksums(base / str(version)) == published
        new_ones.append(len(new))
        # The next one goes on, and clears up.
        with staged(model, model.parent / "cards", base) as staging:
            version = publish(staging, base)
        assert versions(base)[-1] == version
        assert [entry.name for entry in base.glob(".staging*")] == []

    assert set(new_ones) == {0, 1}, "some died before the rename and some after it"
    assert new_ones == sorted(new_ones)
