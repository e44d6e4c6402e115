"""Spans over time: nobody changes splits, no picture counts twice, and the window concerns train alone."""

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.datasets.spec import ANY_MODALITY, DatasetSpec
from components.image_example_gen import planning
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.linking import BRIDGES, CONTRADICTS, REPEATED
from components.image_example_gen.planning import Plan
from components.image_example_gen.span_planning import OUTSIDE_WINDOW, plan_spans
from components.image_example_gen.store import Locations
from components.manifest import ManifestEntry, write_manifest
from components.near_duplicates import COPY_SIMILARITY, FINGERPRINT_LENGTH, DiskRows, NearDuplicate, Rows
from components.settings import DataSettings, SpanSettings, SplitSettings
from components.spans.dataset import span_of
from components.spans.fingerprints import write_fingerprints
from components.spans.ledger import Generation, Ledger, LedgerError, add_generation, read_ledger
from schema import contract
from schema.errors import DataRejectedError
from tests.manifests import inspected_image

LABELS = ("a", "b")
SPEC = DatasetSpec("x", "X", ANY_MODALITY, "nowhere", "<class>/*.png", LABELS, "b", lambda listing: ())
SETTINGS = DataSettings(
    dataset="x", labels=LABELS, positive_label="b", split=SplitSettings(train=0.5, eval=0.25, test=0.25)
)
LIKE = 1.0  # similarity of certain copies


def image(source: str, patient: str = "", label: str = "a", pixels: str = "") -> ManifestEntry:
    return inspected_image(source, label=label, patient=patient, pixel_sha256=pixels or f"pixels of {source}")


def generation_of(span: str) -> Generation:
    return Generation(
        span=span, retraining=1, accepted="", population="", drift=[], notes=[], images=0, patients=0, files={}
    )


class Spans:
    """A ledger that spans are added to. Near-duplicates are what is said to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: list[ManifestEntry] = []
        self.alike: dict[frozenset[str], float] = {}

    @property
    def ledger(self) -> Ledger:
        return read_ledger(self.folder / "ledger")

    @property
    def entries(self) -> dict[str, ManifestEntry]:
        return {entry.source: entry for entry in self.ledger.entries()}

    def add(self, images: Sequence[ManifestEntry], alike: Mapping[tuple[str, str], float] | None = None) -> Plan:
        """One span, whose name the sources start with."""
        self.alike |= {frozenset(pair): similarity for pair, similarity in (alike or {}).items()}
        name = span_of(images[0].source)
        made = self.plan(images, (name,), (name,))
        with tempfile.TemporaryDirectory(dir=self.folder) as manifest:
            write_manifest(made.entries, made.pairs, manifest)
            write_fingerprints(made.entries, _codes(images), manifest)
            add_generation(self.ledger, generation_of(name), Path(manifest))
        self.images += images
        return made

    def train(self, window: Sequence[str]) -> Plan:
        return self.plan(self.images, tuple(self.ledger.spans), tuple(window))

    def plan(self, images: Sequence[ManifestEntry], folders: tuple[str, ...], training: tuple[str, ...]) -> Plan:
        ledger = self.ledger
        spans = SpanSettings(
            folders=folders, training=training, ledger=str(ledger.folder), ledger_checksum=ledger.checksum
        )
        inspection = Inspection(list(images), Locations([None] * len(images)), _codes(images))
        with patch.object(planning, "find_near_duplicates", lambda codes, workers: self._found(codes, images)):
            return plan_spans(SPEC, inspection, SETTINGS, spans)

    def _found(self, codes: Rows[np.uint8], images: Sequence[ManifestEntry]) -> list[NearDuplicate]:
        """Pairs by the number that each image's fingerprint holds."""
        everything = {_number(entry.source): entry.source for entry in [*self.images, *images]}
        rows = {everything[int.from_bytes(codes[r : r + 1].tobytes()[:4])]: r for r in range(len(codes))}
        return [
            NearDuplicate(*sorted(rows[source] for source in pair), similarity, "")
            for pair, similarity in self.alike.items()
            if pair <= rows.keys()
        ]


def _number(source: str) -> int:
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:4])


def _codes(images: Sequence[ManifestEntry]) -> DiskRows[np.uint8]:
    rows = DiskRows((FINGERPRINT_LENGTH,), np.uint8)
    for entry in images:
        code = _number(entry.source).to_bytes(4) + bytes(FINGERPRINT_LENGTH - 4)
        rows.append(np.frombuffer(code, np.uint8).reshape(1, -1))
    return rows


@pytest.fixture
def spans(tmp_path: Path) -> Spans:
    return Spans(tmp_path)


def first_span() -> list[ManifestEntry]:
    """Two images each of eight patients, who fall into all splits."""
    return [
        image(f"span-1/{LABELS[patient % 2]}/{patient}-{number}.png", f"p{patient}", LABELS[patient % 2])
        for patient in range(8)
        for number in range(2)
    ]


def patient_in(spans: Spans, split: str, label: str = "a") -> str:
    return next(e.patient for e in spans.entries.values() if (e.split, e.label) == (split, label))


def image_in(spans: Spans, split: str, label: str = "a") -> ManifestEntry:
    return next(e for e in spans.entries.values() if (e.split, e.label) == (split, label))


def test_patients_keep_their_split_and_new_ones_restore_the_shares(spans: Spans) -> None:
    spans.add(first_span())
    before = spans.entries
    tested = patient_in(spans, contract.TEST)
    again = [image("span-2/a/x.png", tested), image("span-2/a/y.png", tested)]
    fresh = [image(f"span-2/{LABELS[n % 2]}/{n}.png", f"q{n}", LABELS[n % 2]) for n in range(16)]

    spans.add([*again, *fresh])

    after = spans.entries
    assert {source: after[source] for source in before} == before
    assert {after[entry.source].split for entry in again} == {contract.TEST}
    counts = Counter(entry.split for entry in after.values())
    assert counts == {"train": 17, "eval": 9, "test": 8}


def test_a_picture_that_was_accepted_before_counts_once_and_its_new_patient_goes_where_it_is(spans: Spans) -> None:
    spans.add(first_span())
    old = image_in(spans, contract.TEST)
    copy, other = image("span-2/a/copy.png", "new", pixels=old.pixel_sha256), image("span-2/a/other.png", "new")

    found = {entry.source: entry for entry in spans.add([copy, other]).entries}

    assert (found[copy.source].dropped, found[copy.source].split) == (REPEATED, "")
    assert (found[other.source].dropped, found[other.source].split) == ("", contract.TEST)


def test_a_certain_copy_counts_once_too_and_what_only_resembles_it_does_not(spans: Spans) -> None:
    spans.add([replace(entry, patient="") for entry in first_span()])
    old = image_in(spans, contract.EVAL)
    copy, frame = image("span-2/a/copy.png"), image("span-2/a/frame.png")

    spans.add([copy, frame], {(copy.source, old.source): LIKE, (frame.source, old.source): COPY_SIMILARITY - 0.01})

    assert (spans.entries[copy.source].dropped, spans.entries[copy.source].split) == (REPEATED, "")
    assert (spans.entries[frame.source].dropped, spans.entries[frame.source].split) == ("", contract.EVAL)
    assert spans.entries[frame.source].group == old.group


def test_the_same_picture_under_another_class_is_a_contradiction(spans: Spans) -> None:
    spans.add(first_span())
    old = image_in(spans, contract.TRAIN)
    copy = image("span-2/b/copy.png", "new", "b", pixels=old.pixel_sha256)

    found = spans.add([copy]).entries

    assert [(entry.dropped, entry.split) for entry in found] == [(CONTRADICTS, "")]


def test_a_picture_that_belongs_to_two_splits_is_left_out_and_moves_nobody(spans: Spans) -> None:
    spans.add([replace(entry, patient="") for entry in first_span()])
    trained, tested = image_in(spans, contract.TRAIN), image_in(spans, contract.TEST)
    before = spans.entries
    bridge, beside = image("span-2/a/bridge.png"), image("span-2/a/beside.png")
    less = COPY_SIMILARITY - 0.01

    spans.add(
        [bridge, beside],
        {
            (bridge.source, trained.source): less,
            (bridge.source, tested.source): less,
            (beside.source, tested.source): less,
        },
    )

    after = spans.entries
    assert (after[bridge.source].dropped, after[bridge.source].split) == (BRIDGES, "")
    assert after[beside.source].split == contract.TEST
    assert {source: after[source] for source in before} == before


def test_two_new_pictures_cannot_bridge_splits_together(spans: Spans) -> None:
    spans.add([replace(entry, patient="") for entry in first_span()])
    trained, tested = image_in(spans, contract.TRAIN), image_in(spans, contract.TEST)
    one, two = image("span-2/a/1.png"), image("span-2/a/2.png")
    less = COPY_SIMILARITY - 0.01
    links = {(one.source, trained.source): less, (two.source, tested.source): less, (one.source, two.source): less}

    spans.add([one, two], links)

    assert spans.entries[one.source].split == contract.TRAIN
    assert (spans.entries[two.source].dropped, spans.entries[two.source].split) == (BRIDGES, "")


def test_the_window_leaves_out_of_train_alone(spans: Spans) -> None:
    spans.add(first_span())
    spans.add([image(f"span-2/{LABELS[n % 2]}/{n}.png", f"q{n}", LABELS[n % 2]) for n in range(8)])

    everything = {entry.source: entry for entry in spans.train(["span-1", "span-2"]).entries}
    latest = {entry.source: entry for entry in spans.train(["span-2"]).entries}

    assert {source: entry.split for source, entry in everything.items()} == {
        source: entry.split for source, entry in spans.entries.items()
    }
    for source, entry in latest.items():
        outside = span_of(source) == "span-1" and everything[source].split == contract.TRAIN
        assert (entry.split, entry.dropped) == (("", OUTSIDE_WINDOW) if outside else (everything[source].split, ""))


def test_splits_of_the_owner_are_refused(spans: Spans) -> None:
    with pytest.raises(DataRejectedError, match="has split 1 images"):
        spans.plan([replace(image("span-1/a/1.png"), split="test")], ("span-1",), ("span-1",))


def test_another_ledger_than_the_one_named_is_refused(spans: Spans) -> None:
    spans.add(first_span())
    settings_then = SpanSettings(
        folders=("span-2",), training=("span-2",), ledger=str(spans.ledger.folder), ledger_checksum="another"
    )
    with pytest.raises(LedgerError, match="not the one"):
        plan_spans(SPEC, Inspection([], Locations(), _codes([])), SETTINGS, settings_then)


@dataclass(frozen=True)
class Draw:
    """An image to come: small numbers, so that patients, pictures and links meet often."""

    patient: int
    label: int
    pixels: int
    alike: int
    similarity: float


DRAWS = st.builds(
    Draw,
    patient=st.integers(0, 9),  # from 6 on the data name none
    label=st.integers(0, 1),
    pixels=st.integers(0, 40),
    alike=st.integers(0, 60),
    similarity=st.sampled_from([0.2, 1.0]),
)


@settings(max_examples=60)
@given(st.lists(st.lists(DRAWS, min_size=1, max_size=8), min_size=2, max_size=4))
def test_no_patient_is_ever_in_two_splits(drawn: list[list[Draw]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spans = Spans(Path(folder))
        for number, draws in enumerate(drawn, start=1):
            before = spans.entries
            images = [_drawn(number, position, draw) for position, draw in enumerate(draws)]
            spans.add(images, _links(images, draws, [*before, *(entry.source for entry in images)]))
            assert {source: spans.entries[source] for source in before} == before
        _check_apart(spans)
        made = spans.train(spans.ledger.spans)
        for entry in made.entries:
            assert entry.split == spans.entries[entry.source].split


def _drawn(span: int, position: int, draw: Draw) -> ManifestEntry:
    label = LABELS[draw.label]
    patient = f"p{draw.patient}" if draw.patient < 6 else ""
    pixels = f"shared {draw.pixels}" if draw.pixels < 8 else ""
    return image(f"span-{span}/{label}/{position}.png", patient, label, pixels)


def _links(
    images: Sequence[ManifestEntry], draws: Sequence[Draw], others: Sequence[str]
) -> dict[tuple[str, str], float]:
    return {
        (entry.source, others[draw.alike]): draw.similarity
        for entry, draw in zip(images, draws, strict=True)
        if draw.alike < len(others) and others[draw.alike] != entry.source
    }


def _check_apart(spans: Spans) -> None:
    kept = {source: entry for source, entry in spans.entries.items() if entry.split}
    splits: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    in_spans: defaultdict[str, set[str]] = defaultdict(set)
    for entry in kept.values():
        splits["group", entry.group].add(entry.split)
        splits["pixels", entry.pixel_sha256].add(entry.split)
        in_spans[entry.pixel_sha256].add(span_of(entry.source))
        if entry.patient:
            splits["patient", entry.patient].add(entry.split)
    assert {key: found for key, found in splits.items() if len(found) > 1} == {}
    assert {key: found for key, found in in_spans.items() if len(found) > 1} == {}
    for pair, similarity in spans.alike.items():
        ends = [kept[source] for source in pair if source in kept]
        counts = similarity >= COPY_SIMILARITY or not any(entry.patient for entry in ends)
        if len(ends) == 2 and counts:
            assert ends[0].split == ends[1].split, pair
