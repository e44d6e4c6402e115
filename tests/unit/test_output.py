"""The output folder: where things are, and what happens where it cannot be written to."""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.output import open_output
from pipeline.published import published_model
from pipeline.sources import prepare_data
from schema.errors import ConfigurationError


def test_it_is_made_and_everything_lies_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    output = open_output(Path("a/b"))

    assert output.root == tmp_path / "a" / "b"
    assert [path.name for path in output.root.iterdir()] == ["logs"]
    assert list(output.logs.iterdir()) == []
    assert output.metadata == output.root / "metadata.sqlite"
    assert output.pipeline_root == output.root / "pipeline_root"
    assert output.serving == output.root / "serving"
    assert output.report == output.root / "report"
    assert output.generated_data == output.root / "data"


def test_it_may_exist_and_keeps_what_it_holds(tmp_path: Path) -> None:
    first = open_output(tmp_path)
    (first.logs / "run.log").write_text("text")

    assert open_output(tmp_path) == first
    assert (first.logs / "run.log").read_text() == "text"


def test_where_it_cannot_be_written_to_the_reason_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError) as caught:
            open_output(path)
        assert caught.value.what == f"The output folder {path} cannot be written to (Not a directory)."
        assert caught.value.fix.startswith("choose another one with --output DIR")


@pytest.mark.parametrize(
    ("module", "call"), [(Path, "rename"), (fcntl, "flock"), (os, "fsync")], ids=["rename", "flock", "fsync"]
)
def test_a_file_system_that_lacks_what_a_run_needs_is_refused(
    module: object, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As mounts of object stores do."""

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(module, call, refuse)
    with pytest.raises(ConfigurationError) as caught:
        open_output(tmp_path / "out")
    assert caught.value.what.endswith("cannot be written to (Operation not supported).")
    assert caught.value.fix.endswith("a file system with locks, fsync and renaming of folders")


def test_a_mount_for_the_models_is_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = open_output(tmp_path)
    output.serving.mkdir()
    rename = Path.rename

    def refuse_below_serving(path: Path, target: Path) -> Path:
        if path.is_relative_to(output.serving):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_below_serving)
    with pytest.raises(ConfigurationError, match="Invalid cross-device link"):
        open_output(tmp_path)
    assert list(output.serving.iterdir()) == []


@pytest.mark.parametrize("uri", ["gs://bucket/runs", "s3://bucket/runs", "S3://bucket", "hdfs://host:8020/runs"])
def test_uris_are_refused_and_no_folder_is_made(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config("image_folder", ["data.labels=[a, b]", "data.positive_label=b"])
    opened = open_output(Path("out"))
    shutil.rmtree("out")
    ways: list[Callable[[], object]] = [
        lambda: open_output(Path(uri)),
        lambda: prepare_data(uri, config, opened),
        lambda: published_model(Path(uri)),
    ]
    for way in ways:
        with pytest.raises(ConfigurationError, match="is a URI") as caught:
            way()
        assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []
