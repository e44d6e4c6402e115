"""The comparison with a plain script: leaks counted, figures read, table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import peer, split_leaks
from benchmarks.measuring import ProcessCost
from benchmarks.peer_script import write_table
from benchmarks.peer_trials import (
    RUN,
    SCRIPT,
    SCRIPT_ON_RUN_SPLIT,
    Scores,
    Task,
    Trial,
    read_predictions,
    score,
)
from benchmarks.split_leaks import KnownImages, Leaks, count_leaks
from benchmarks.synthetic_images import make_images, renumbered
from components.manifest import ManifestEntry, SimilarPair, write_manifest
from components.measures.group_bootstrap import Interval
from components.measures.proportions import wilson
from pipeline.config import load_config
from schema.errors import ConfigurationError

# Two images of each patient, and two of nobody's.
GROUPS = {f"{patient}{number}": patient for patient in "abcd" for number in (1, 2)} | {"x": "like:x", "y": "like:x"}


def pair_of(first: str, second: str) -> SimilarPair:
    return SimilarPair(first, second, similarity=0.9, change="", same_picture=False)


def test_leaks_are_counted() -> None:
    splits = dict.fromkeys(["a1", "b1", "c1", "c2"], "train") | {"d1": "eval"}
    splits |= dict.fromkeys(["a2", "b2", "d2", "x", "y"], "test")
    # x resembles a training image, d2 one that chose the epoch, y one that is in no split, b2 itself one of test.
    pairs = [pair_of("c1", "x"), pair_of("d1", "d2"), pair_of("y", "z"), pair_of("b2", "a2")]
    assert count_leaks(splits, GROUPS, pairs) == Leaks(
        test_images=5, of_known_groups=2, near_duplicates=1, shared_groups=2
    )
    assert count_leaks(splits, GROUPS, pairs).related_share == 0.4


def test_no_test_part_leaks_nothing() -> None:
    assert count_leaks({"a1": "train"}, GROUPS, []).related_share == 0.0


@given(st.dictionaries(st.sampled_from(sorted(set(GROUPS.values()))), st.sampled_from(["train", "eval", "test"])))
def test_split_by_group_shares_no_group(split_of_group: dict[str, str]) -> None:
    splits = {source: split_of_group[group] for source, group in GROUPS.items() if group in split_of_group}
    leaks = count_leaks(splits, GROUPS, [])
    assert (leaks.of_known_groups, leaks.shared_groups, leaks.near_duplicates) == (0, 0, 0)
    assert leaks.test_images == list(splits.values()).count("test")


@given(st.lists(st.sampled_from(["train", "eval", "test"]), min_size=len(GROUPS), max_size=len(GROUPS)))
def test_counts_stay_within_the_test_part(drawn: list[str]) -> None:
    leaks = count_leaks(dict(zip(GROUPS, drawn, strict=True)), GROUPS, [pair_of("a1", "b1")])
    assert leaks.shared_groups <= leaks.of_known_groups <= leaks.test_images == drawn.count("test")


def test_what_a_run_knows_of_its_images(tmp_path: Path) -> None:
    folder = tmp_path / "pipeline_root" / "ImageExampleGen" / "manifest" / "7"
    folder.mkdir(parents=True)
    entries = [
        ManifestEntry("benign/1.png", label="benign", group="ann", split="train"),
        ManifestEntry("benign/2.png", label="benign", group="ann", split="test"),
        ManifestEntry("benign/3.png", label="benign", group="eve", dropped="broken"),
    ]
    write_manifest(entries, [pair_of("benign/1.png", "benign/2.png")], str(folder))
    known = KnownImages.of_run(tmp_path)
    assert known.labels == {"benign/1.png": "benign", "benign/2.png": "benign"}
    assert known.splits == {"benign/1.png": "train", "benign/2.png": "test"}
    assert known.leaks(known.splits) == Leaks(1, of_known_groups=1, near_duplicates=1, shared_groups=1)


def test_leaks_of_splits_by_image_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pipeline_root" / "ImageExampleGen" / "manifest" / "7"
    folder.mkdir(parents=True)
    splits = [*["train"] * 14, *["eval"] * 3, *["test"] * 3]
    # All images are of one patient, so that every test image is related to training, however it is split.
    entries = [
        ManifestEntry(f"{n:02d}.png", label="benign", group="ann", split=split) for n, split in enumerate(splits)
    ]
    write_manifest(entries, [], str(folder))
    monkeypatch.setattr("sys.argv", ["split_leaks", str(tmp_path), "--seeds", "3"])
    split_leaks.main()
    assert capsys.readouterr().out.splitlines() == [
        "20 images, 1 groups, 3 splits by image:",
        "  test images of a group in train: 100% (100% to 100%)",
        "  test images with a near-duplicate in train: 0% (0% to 0%)",
        "split of the run: Leaks(test_images=3, of_known_groups=3, near_duplicates=0, shared_groups=1)",
    ]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Images of two classes in a folder below the data folder."""
    for label in ("benign", "malignant"):
        (tmp_path / "data" / "inner" / label).mkdir(parents=True)
    return Task(load_config("synthetic"), tmp_path / "data")


def test_class_folders_may_lie_one_deeper(task: Task) -> None:
    assert task.prefix == "inner/"
    assert Task(task.config, task.data / "inner").prefix == ""
    with pytest.raises(ConfigurationError, match="no folder for each of the classes benign, malignant"):
        _ = Task(task.config, task.data / "inner" / "benign").prefix


def test_predictions_are_read_and_scored(task: Task, tmp_path: Path) -> None:
    table = tmp_path / "predictions.csv"
    malignant = {"benign/1": 0.1, "benign/2": 0.2, "benign/3": 0.6, "malignant/4": 0.7, "malignant/5": 0.4}
    # The columns are in another order than the labels of the configuration.
    write_table(table, ("path", "malignant", "benign"), [(path, p, 1 - p) for path, p in malignant.items()])
    images = read_predictions(table, task, {f"inner/{path}": path[-1] for path in malignant})
    assert images.sources == [f"inner/{path}" for path in malignant]
    assert images.truth.tolist() == [0, 0, 0, 1, 1]
    assert images.decided.tolist() == [0, 0, 1, 1, 0]
    np.testing.assert_array_equal(images.scores, list(malignant.values()))
    scores = score(images)
    assert scores.auc.value == pytest.approx(5 / 6)
    assert scores.accuracy.value == pytest.approx(3 / 5)
    assert scores.accuracy.low < scores.accuracy.value < scores.accuracy.high
    assert (scores.sensitivity.value, scores.sensitivity.low, scores.sensitivity.high) == (0.5, *wilson(0.5, 2))


def trial(way: str, seconds: float, auc: float, related: int) -> Trial:
    interval = Interval(auc, auc - 0.1, auc + 0.05)
    return Trial(
        way=way,
        images=1200,
        cost=ProcessCost(seconds, 2 * seconds, 1000 + seconds),
        scores=Scores(auc=interval, accuracy=interval, sensitivity=interval),
        leaks=Leaks(test_images=40, of_known_groups=related, near_duplicates=3, shared_groups=9),
    )


TRIALS = [
    trial(RUN, 60.0, 0.8, 0),
    trial(SCRIPT, 20.0, 0.9, 30),
    trial(RUN, 80.0, 0.8, 0),
    trial(SCRIPT, 20.0, 0.85, 36),
    trial(SCRIPT_ON_RUN_SPLIT, 25.0, 0.75, 0),
]


def test_figures_of_all_repetitions() -> None:
    time, processor, memory, leaks, auc = peer.summarize(TRIALS)
    assert (time.ratio, time.least, time.most, time.repetitions) == (3.5, 3.0, 4.0, 2)
    assert time.raw == {"run_seconds": 70.0, "script_seconds": 20.0}
    assert processor.raw == {"run_processor_seconds": 140.0, "script_processor_seconds": 40.0}
    assert memory.raw == {"run_peak_mib": 1070.0, "script_peak_mib": 1020.0}
    assert (leaks.ratio, leaks.least, leaks.most) == (pytest.approx(0.825), 0.75, 0.9)
    assert leaks.raw == {"script_images": 33.0, "run_images": 0.0}
    assert (auc.least, auc.most) == (pytest.approx(0.85 / 0.75), pytest.approx(1.2))
    assert auc.raw == {"split_at_random": 0.875, "split_of_the_run": 0.75, "run": 0.8}


def test_table_shows_each_trial() -> None:
    console = Console(width=200, record=True, file=None, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(peer.trials_table(TRIALS[:2]))
    lines = [line.split("  ") for line in captured.get().splitlines() if SCRIPT in line]
    (cells,) = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[:8] == ["1,200", SCRIPT, "20.0", "40.0", "1,020", "40", "30 (75%)", "3"]
    assert cells[8] == "0.900 (0.800 to 0.950)"


def test_configuration_of_another_network_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no network like that of the configuration 'busi_mobilenet'"):
        peer.configured("busi_mobilenet", None)


def test_all_epochs_are_trained() -> None:
    train = peer.configured("synthetic", 7).train
    assert (train.epochs, train.patience) == (7, 7)


def test_parts_of_the_synthetic_set_are_of_different_patients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.datasets.synthetic.PATIENTS", {"benign": 1, "malignant": 1})
    monkeypatch.setattr("components.datasets.synthetic.VIEWS_PER_PATIENT", (2, 2))
    data = make_images(tmp_path, parts=2)
    names = sorted(path.name for path in data.rglob("*.png"))
    patients = (1, 2, 101, 102)
    assert names == [f"patient-{patient:04d}_image-{view}.png" for patient in patients for view in (1, 2)]
    assert len({path.read_bytes() for path in data.rglob("*.png")}) == 8


def test_renumbered() -> None:
    assert renumbered("patient-0005_image-2.png", 100) == "patient-0105_image-2.png"
