"""Where a run's images come from: a folder named, or a data set made once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.datasets.spec import DatasetSpec
from pipeline import sources
from pipeline.config import load_config
from pipeline.output import OutputFolder
from pipeline.sources import default_output, prepare_data
from schema.errors import ConfigurationError

CONFIG = load_config("synthetic", ["data.seed=3"])


def _use(monkeypatch: pytest.MonkeyPatch, generate: Callable[[Path, int], None]) -> None:
    spec = DatasetSpec("synthetic", "", "", "", "", ("a", "b"), "b", lambda listing: [], generate=generate)
    monkeypatch.setattr(sources, "get_dataset", lambda name: spec)


def _write_seed(directory: Path, seed: int) -> None:
    assert not directory.exists() or not any(directory.iterdir())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "image.png").write_text(str(seed))


def test_the_output_folder_is_that_named_or_one_named_like_the_run() -> None:
    assert default_output("x/y", CONFIG) == Path("x/y")
    assert default_output(None, CONFIG) == Path("runs/synthetic")


def test_a_folder_that_is_named_is_taken(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert prepare_data(str(data), CONFIG, OutputFolder(tmp_path / "out")) == data
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["", "out", "deeper/out"])
def test_results_within_the_data_are_refused(tmp_path: Path, output: str) -> None:
    with pytest.raises(ConfigurationError, match="lies in the data folder"):
        prepare_data(str(tmp_path), CONFIG, OutputFolder(tmp_path / output))


def test_a_folder_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name, what in (("gone", "does not exist"), ("file", "is not a folder")):
        with pytest.raises(ConfigurationError, match=f"{name} {what}"):
            prepare_data(str(tmp_path / name), CONFIG, OutputFolder(tmp_path))


def test_a_data_set_that_cannot_be_made_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        prepare_data(None, load_config("busi"), OutputFolder(tmp_path))

    assert "'busi' has to be obtained by yourself" in caught.value.what
    assert "--data DIR" in caught.value.fix
    assert "10.1016/j.dib.2019.104863" in caught.value.fix


def test_a_data_set_is_made_once_for_each_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = OutputFolder(tmp_path)
    _use(monkeypatch, _write_seed)

    made = prepare_data(None, CONFIG, output)
    assert made == tmp_path / "data" / "synthetic-seed-3"
    assert (made / "image.png").read_text() == "3"
    (made / "image.png").write_text("kept")

    assert prepare_data(None, CONFIG, output) == made
    assert (made / "image.png").read_text() == "kept"
    other = prepare_data(None, load_config("synthetic", ["data.seed=4"]), output)
    assert (other / "image.png").read_text() == "4"
    assert sorted(path.name for path in output.generated_data.iterdir()) == ["synthetic-seed-3", "synthetic-seed-4"]


def test_half_a_data_set_is_never_taken_and_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = OutputFolder(tmp_path)

    def break_off(directory: Path, seed: int) -> None:
        _write_seed(directory, seed)
        (directory / "half.png").write_text("half")
        raise KeyboardInterrupt

    _use(monkeypatch, break_off)
    with pytest.raises(KeyboardInterrupt):
        prepare_data(None, CONFIG, output)
    assert not (output.generated_data / "synthetic-seed-3").exists()

    _use(monkeypatch, _write_seed)
    made = prepare_data(None, CONFIG, output)
    assert [path.name for path in made.iterdir()] == ["image.png"]
    assert list(output.generated_data.iterdir()) == [made]
