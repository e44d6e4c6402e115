"""The output folder: where things are, and what happens where it cannot be written to."""

from pathlib import Path

import pytest

from pipeline.output import open_output
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
        assert caught.value.fix == "choose another one with --output DIR"
