"""One retraining after the other: what is accepted, what is decided, what is recorded."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from components.settings import GateSettings
from components.spans.file_states import read_file_states
from components.spans.ledger import LedgerError, read_ledger
from schema.errors import BreastImagingError, ConfigurationError, DataRejectedError
from tests.retraining import CONFIG, DRIFTED_FILE, LABELS, REFUSED_FILE, Place, write_span


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def splits(place: Place) -> dict[str, str]:
    """Of every image in the ledger."""
    return {entry.source: entry.split for entry in read_ledger(place.folder.ledger).entries()}


def test_a_year_in_short(place: Place) -> None:
    write_span(place.data, "span-1", [f"p{n}" for n in range(12)])
    first = place.retrain()
    write_span(place.data, "span-2", ["p1", "p2", "q1"])
    second = place.retrain()
    third = place.retrain()
    write_span(place.data, "span-3", ["r1", "r2"], REFUSED_FILE)
    fourth = place.retrain()

    assert (first.action, first.spans_new, first.spans_used) == ("published", ["span-1"], ["span-1"])
    assert first.reasons == [
        "No model is published yet.",
        "Enough is new: 24 new images of 12 patients.",
    ]
    assert (first.incumbent_version, first.published_version, first.model_age_days) == (None, 1, None)
    assert (second.action, second.spans_new, second.spans_used) == ("published", ["span-2"], ["span-1", "span-2"])
    assert (second.incumbent_version, second.published_version, second.model_age_days) == (1, 2, 30.0)
    assert (third.action, third.reasons, third.spans_used) == ("skipped", ["There is nothing new to train on."], [])
    assert (fourth.action, fourth.spans_new, fourth.spans_refused) == ("span_refused", ["span-3"], ["span-3"])
    assert fourth.reasons == [
        "span-3: The data gate refuses these data.",
        "span-3: bad",
        "There is nothing new to train on.",
    ]
    assert place.folder.history() == [first, second, third, fourth]
    assert {file.name: file.read_text() for file in (place.root / "output/noted").iterdir()} == {
        "1": "published",
        "2": "published",
        "3": "skipped",
        "4": "span_refused",
    }
    assert (place.root / "output" / first.report).read_text() == "<p>"


def test_patients_keep_their_splits(place: Place) -> None:
    write_span(place.data, "span-1", [f"p{n}" for n in range(12)])
    place.retrain()
    before = splits(place)
    write_span(place.data, "span-2", [f"p{n}" for n in range(12)])
    place.retrain()

    after = splits(place)

    assert {source: after[source] for source in before} == before
    of_patient = {source.split("/")[-1].split("-")[0]: split for source, split in before.items()}
    for source, split in after.items():
        assert split == of_patient[source.split("/")[-1].split("-")[0]]


def test_too_little_waits_until_there_is_enough(place: Place) -> None:
    write_span(place.data, "span-1", [f"p{n}" for n in range(12)])
    place.retrain()
    write_span(place.data, "span-2", ["q"])
    little = place.retrain()
    write_span(place.data, "span-3", ["r"])
    enough = place.retrain()

    assert little.action == "skipped"
    assert little.reasons == [
        "Too little is new: 2 new images of 1 patient; at least 4 images of 2 patients are asked for."
    ]
    assert (enough.action, enough.spans_new) == ("published", ["span-3"])
    assert enough.spans_used == ["span-1", "span-2", "span-3"]
    assert enough.reasons == ["Enough is new: 4 new images of 2 patients."]


def test_drift_asks_for_a_training_of_little(place: Place) -> None:
    write_span(place.data, "span-1", [f"p{n}" for n in range(12)])
    place.retrain()
    write_span(place.data, "span-2", ["q"], DRIFTED_FILE)

    record = place.retrain()

    assert (record.action, record.drift) == ("published", ["span-2: brightness: differs"])
    assert record.reasons == ["New data differ from the accepted ones.", "span-2: The published model falls."]


def test_the_window_is_of_the_latest_accepted_spans(place: Place) -> None:
    retraining = CONFIG.retraining.model_copy(update={"window": 2})
    place.config = CONFIG.model_copy(update={"retraining": retraining})
    for number in range(1, 5):
        write_span(place.data, f"span-{number}", [f"p{number}", f"q{number}"], *([REFUSED_FILE] * (number == 3)))

    place.retrain()

    assert place.runner.trained[0].folders == ("span-1", "span-2", "span-4")
    assert place.runner.trained[0].training == ("span-2", "span-4")


def test_spans_that_are_still_written_wait(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"])
    unfinished = write_span(place.data, "span-2", ["r", "s"], ".incomplete")
    write_span(place.data, "span-3.partial", ["t"])

    first = place.retrain()
    (unfinished / ".incomplete").unlink()
    second = place.retrain()

    assert first.spans_new == ["span-1"]
    assert first.reasons[-1] == "span-2 is still being written."
    assert second.spans_new == ["span-2"]


def test_a_refused_span_is_looked_at_again_when_it_was_corrected(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"], REFUSED_FILE)
    refused, again = place.retrain(), place.retrain()
    (place.data / "span-1" / REFUSED_FILE).unlink()

    corrected = place.retrain()

    assert (refused.action, again.action) == ("span_refused", "skipped")
    assert (corrected.action, corrected.spans_new, corrected.spans_refused) == ("published", ["span-1"], [])


def test_a_copy_with_another_time_is_the_same_span(place: Place) -> None:
    folder = write_span(place.data, "span-1", ["p", "q"])
    place.retrain()
    for file in folder.glob("*/*"):
        os.utime(file, (1, 1))

    assert place.retrain().action == "skipped"


@pytest.mark.parametrize("change", ["content", "more", "fewer", "all"])
def test_an_accepted_span_that_changed_is_an_error_that_names_it(place: Place, change: str) -> None:
    folder = write_span(place.data, "span-1", ["p", "q"])
    place.retrain()
    match change:
        case "content":
            (folder / "a" / "p-0").write_text("another picture")
        case "more":
            (folder / "a" / "z-0").write_text("")
        case "fewer":
            (folder / "a" / "p-0").unlink()
        case "all":
            shutil.rmtree(folder)

    with pytest.raises(DataRejectedError, match="The span span-1, which was accepted,") as caught:
        place.retrain()

    assert caught.value.reasons == {"content": ("a/p-0",), "more": ("a/z-0",), "fewer": ("a/p-0",), "all": ()}[change]
    record = place.folder.history()[-1]
    assert (record.number, record.action) == (2, "failed")
    assert record.reasons[0] == caught.value.what


def test_a_failed_training_is_recorded_and_tried_again(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"])
    place.runner.failure = BreastImagingError("The disk is full.", fix="make room")
    with pytest.raises(BreastImagingError, match="The disk is full"):
        place.retrain()
    place.runner.failure = None

    record = place.retrain()

    assert [(each.action, each.spans_new) for each in place.folder.history()] == [
        ("failed", ["span-1"]),
        ("published", []),
    ]
    assert (record.spans_used, record.published_version) == (["span-1"], 1)


def test_a_rejected_model_is_not_tried_again_on_the_same_data(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"])
    place.runner.blessed = False

    rejected, skipped = place.retrain(), place.retrain()

    assert (rejected.action, rejected.published_version) == ("rejected", None)
    assert rejected.reasons[-1] == "not good enough"
    assert skipped.action == "skipped"


def test_a_configuration_that_lets_worse_models_pass_is_refused_before_anything_is_done(place: Place) -> None:
    place.config = CONFIG.model_copy(update={"gate": GateSettings(maximum_auc_drop=0.21, maximum_recall_drop=1.0)})
    write_span(place.data, "span-1", ["p", "q"])

    with pytest.raises(ConfigurationError) as caught:
        place.retrain()

    assert caught.value.reasons == ("gate.maximum_auc_drop is 0.21", "gate.maximum_recall_drop is 1")
    assert not place.folder.root.exists()


def test_another_population_is_refused(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"])
    place.retrain()
    place.config = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"labels": LABELS[::-1]})})

    with pytest.raises(ConfigurationError, match="another data set, other classes"):
        place.retrain()


@pytest.mark.parametrize("file", ["manifest.csv", "fingerprints.bin", "generation.json"])
def test_a_ledger_that_was_meddled_with_is_refused(place: Place, file: str) -> None:
    for number in (1, 2):
        write_span(place.data, f"span-{number}", [f"p{number}", f"q{number}"])
    place.retrain()
    path = place.folder.ledger / "000001-span-1" / file
    path.write_bytes(path.read_bytes() + b"\n")

    with pytest.raises(LedgerError, match="is broken"):
        place.retrain()


def test_a_missing_generation_is_found(place: Place) -> None:
    for number in (1, 2):
        write_span(place.data, f"span-{number}", [f"p{number}", f"q{number}"])
    place.retrain()
    shutil.rmtree(place.folder.ledger / "000001-span-1")

    with pytest.raises(LedgerError, match="comes after 0 others"):
        place.retrain()


def test_a_pipe_in_a_span_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataRejectedError, match="pipe is no file"):
        read_file_states(tmp_path)


# Occasions on which the state can change: files opened for writing, folders made, renamed or removed.
_WATCHED = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.copyfile", "shutil.copytree", "shutil.rmtree"}


def _changes_something(event: str, arguments: Any) -> bool:
    if event == "open":
        return bool(isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in _WATCHED


def _retrain_until(place: Place, last: int) -> tuple[int, int]:
    """Retrains in a process that dies of the given occasion. Returns how it ended, and how many occasions it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, arguments: Any) -> None:
            nonlocal count
            if _changes_something(event, arguments):
                count += 1
                if count == last:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        place.retrain()
        os.write(writing, str(count).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(told or 0)


def _state(place: Place) -> dict[str, str]:
    """All that a later retraining rests on; of the records, the first two."""
    files = [*place.folder.ledger.glob("[0-9]*/*"), *(place.folder.root / "refused").glob("*.json")]
    files += [place.root / "output" / "noted" / number for number in "12"]
    found = {path.relative_to(place.root).as_posix(): path.read_bytes().decode("latin-1") for path in files}
    versions = sorted(path.read_text() for path in (place.root / "output/serving").iterdir())
    records = [record.model_dump_json() for record in place.folder.history()[:2]]
    return found | {"versions": json.dumps(versions), "history": json.dumps(records)}


@pytest.mark.slow
def test_killed_at_any_instant_the_next_one_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    template = Place(tmp_path / "template")
    write_span(template.data, "span-1", [f"p{n}" for n in range(6)])
    template.retrain()
    write_span(template.data, "span-2", ["p1", "q1", "q2"])
    write_span(template.data, "span-3", ["r1"], REFUSED_FILE)
    write_span(template.data, "span-4", ["p2", "s1"], DRIFTED_FILE)

    def copy(name: str) -> Place:
        shutil.copytree(template.root, tmp_path / name)
        return Place(tmp_path / name, now=1)

    undisturbed = copy("undisturbed")
    status, occasions = _retrain_until(undisturbed, last=0)
    expected = _state(undisturbed)
    assert (status, json.loads(expected["versions"])) == (0, ["1", "2"])
    assert occasions > 30

    for last in range(1, occasions + 1):
        place = copy(str(last))
        assert _retrain_until(place, last)[0] == -signal.SIGKILL
        for path in place.folder.ledger.glob("[0-9]*"):
            assert {file.name for file in path.iterdir()} == {"fingerprints.bin", "generation.json", "manifest.csv"}
        read_ledger(place.folder.ledger)
        assert _retrain_until(place, last=0)[0] == 0

        # Where it died after its record was written, it had ended, and the next one found nothing new.
        assert [record.action for record in place.folder.history()[2:]] in ([], ["skipped"])
        assert _state(place) == expected, last
        shutil.rmtree(place.root)


def test_a_model_that_no_retraining_has_published_is_not_replaced(place: Place) -> None:
    serving = place.root / "output" / "serving"
    serving.mkdir(parents=True)
    (serving / "plain").write_text("1700000000")
    write_span(place.data, "span-1", ["p", "q"])

    with pytest.raises(ConfigurationError, match="No retraining has published version 1700000000"):
        place.retrain()

    assert place.folder.history() == []


def test_what_was_published_before_a_later_step_failed_is_known(place: Place) -> None:
    write_span(place.data, "span-1", ["p", "q"])
    with (
        patch.object(shutil, "copytree", side_effect=OSError("no report")),
        pytest.raises(OSError, match="no report"),
    ):
        place.retrain()

    second = place.retrain()

    assert [(record.action, record.published_version) for record in place.folder.history()] == [
        ("failed", 1),
        ("published", 1),
    ]
    assert (second.incumbent_version, second.spans_used) == (1, ["span-1"])
