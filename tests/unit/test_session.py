"""The process that runs the graph, seen from the one that watches it."""

import io
from pathlib import Path

from pipeline.session import _keep_log


class _Pipe(io.BytesIO):
    """What a process prints, in small pieces."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read(4)


def test_log_keeps_everything(tmp_path: Path) -> None:
    _keep_log(_Pipe(b"twelve bytes"), tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b"twelve bytes"


def test_full_disk_does_not_stop_the_reading_lest_the_process_hang() -> None:
    printed = _Pipe(b"twelve bytes")
    _keep_log(printed, Path("/dev/full"))
    assert printed.read() == b""
