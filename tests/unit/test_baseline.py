"""The baselines: the latest blessed model and the last accepted data, and never those at hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ml_metadata as mlmd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import ClinicalBlessing, DataGateReport, DatasetManifest
from components.baseline import (
    LatestBlessedModelStrategy,
    LatestOtherAcceptedDataStrategy,
    LatestOtherBlessedModelStrategy,
)
from components.data_gate.report import MANIFEST_ID_PROPERTY
from tests.model_descriptions import write_description


@pytest.fixture(scope="module")
def store() -> Iterator[mlmd.MetadataStore]:
    connection = metadata_store_pb2.ConnectionConfig()
    connection.fake_database.SetInParent()
    yield mlmd.MetadataStore(connection)


def _model(number: int) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.id = number
    return model


def _blessing(kind: type[Artifact], number: int, model: int, blessed: bool) -> Artifact:
    blessing = kind()
    blessing.id = number
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    return blessing


@dataclass
class History:
    """Models by their ids, with whether each evaluation of them blessed them; `clinical` where it is not the same."""

    models: list[int]
    evaluations: list[tuple[int, bool]] = field(default_factory=list)
    clinical: list[tuple[int, bool]] | None = None

    def blessings(self) -> dict[str, list[Artifact]]:
        clinical = self.evaluations if self.clinical is None else self.clinical
        return {
            "model_blessing": [
                _blessing(standard_artifacts.ModelBlessing, 1000 + number, *evaluation)
                for number, evaluation in enumerate(self.evaluations)
            ],
            "clinical_blessing": [
                _blessing(ClinicalBlessing, 2000 + number, *evaluation) for number, evaluation in enumerate(clinical)
            ],
        }

    def resolve(self, store: mlmd.MetadataStore, candidate: int) -> tuple[list[int], list[int]]:
        """The ids of the models found, and of the models that the blessings found are of."""
        candidates = [_model(candidate)]
        resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
            store,
            {
                "candidate": candidates,
                "model": [_model(number) for number in self.models],
                **self.blessings(),
            },
        )
        assert set(resolved) == {"candidate", "model", "model_blessing", "clinical_blessing"}
        assert resolved["candidate"] == candidates
        key = constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY
        of_gate, of_clinical = (
            [blessing.get_int_custom_property(key) for blessing in resolved[name]]
            for name in ("model_blessing", "clinical_blessing")
        )
        assert of_gate == of_clinical
        return [model.id for model in resolved["model"]], of_gate


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (History([9]), []),
        (History([]), []),
        (History([9], [(9, True)]), []),
        (History([1, 9]), []),
        (History([1, 9], [(1, False)]), []),
        (History([1, 9], [(1, True)]), [1]),
        (History([1, 9], [(1, True), (9, True)]), [1]),
        (History([1, 2, 9], [(1, True), (2, True)]), [2]),
        (History([2, 9, 1], [(2, True), (1, True)]), [2]),
        (History([1, 2, 9], [(1, True), (2, False)]), [1]),
        (History([1, 2, 9], [(1, True), (2, False), (9, True)]), [1]),
        (History([1, 9, 12], [(1, True), (12, True)]), [12]),
    ],
)
def test_by_example(store: mlmd.MetadataStore, history: History, expected: list[int]) -> None:
    assert history.resolve(store, candidate=9) == (expected, expected)


@pytest.mark.parametrize(
    ("gate", "clinical", "expected"),
    [
        ([(1, True)], [], []),
        ([], [(1, True)], []),
        ([(1, True)], [(1, False)], []),
        ([(1, False)], [(1, True)], []),
        ([(1, True)], [(2, True)], []),
        ([(1, True), (2, True)], [(1, True), (2, False)], [1]),
        ([(1, True), (2, True)], [(1, True), (2, True)], [2]),
    ],
)
def test_one_blessing_of_two_is_not_enough(
    store: mlmd.MetadataStore,
    gate: list[tuple[int, bool]],
    clinical: list[tuple[int, bool]],
    expected: list[int],
) -> None:
    history = History([1, 2, 9], gate, clinical)
    assert history.resolve(store, candidate=9) == (expected, expected)

    found = LatestBlessedModelStrategy().resolve_artifacts(
        store, {"model": [_model(number) for number in history.models], **history.blessings()}
    )
    assert [model.id for model in found["model"]] == expected


def _described(number: int, folder: Path, labels: list[str], positive: str) -> standard_artifacts.Model:
    model = _model(number)
    model.uri = str(folder / str(number))
    write_description(Path(path_utils.serving_model_path(model.uri)), labels, positive)
    return model


def test_a_model_that_tells_other_classes_apart_is_no_baseline(store: mlmd.MetadataStore, tmp_path: Path) -> None:
    same, candidate = (_described(number, tmp_path, ["a", "b"], "b") for number in (1, 9))
    others = [_described(2, tmp_path, ["a", "b"], "a"), _described(3, tmp_path, ["a", "b", "c"], "b"), _model(4)]
    blessings = History([], [(number, True) for number in (1, 2, 3, 4)]).blessings()

    found = LatestOtherBlessedModelStrategy().resolve_artifacts(
        store, {"candidate": [candidate], "model": [same, *others, candidate], **blessings}
    )

    assert found["model"] == [same]


@given(
    models=st.lists(st.integers(1, 20), unique=True, max_size=8),
    evaluations=st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=12),
    candidate=st.integers(1, 20),
)
def test_it_is_the_latest_of_the_other_models_that_were_ever_blessed(
    store: mlmd.MetadataStore, models: list[int], evaluations: list[tuple[int, bool]], candidate: int
) -> None:
    blessed = {model for model, blessing in evaluations if blessing} & set(models) - {candidate}
    expected = [max(blessed)] if blessed else []

    assert History(models, evaluations).resolve(store, candidate) == (expected, expected)


def test_artifacts_of_a_metadata_store_are_told_apart_by_their_ids(store: mlmd.MetadataStore) -> None:
    kind = metadata_store_pb2.ArtifactType(name="Model")
    type_id = store.put_artifact_type(kind)
    first, second = store.put_artifacts([metadata_store_pb2.Artifact(type_id=type_id, uri=f"/{n}") for n in (1, 2)])

    assert History([first, second], [(first, True), (second, True)]).resolve(store, second) == ([first], [first])


def _manifest(number: int) -> DatasetManifest:
    manifest = DatasetManifest()
    manifest.id = number
    return manifest


def _report(number: int, manifest: int) -> DataGateReport:
    report = DataGateReport()
    report.id = number
    report.set_int_custom_property(MANIFEST_ID_PROPERTY, manifest)
    return report


def _resolve_data(store: mlmd.MetadataStore, at_hand: int, reports: list[tuple[int, int]]) -> list[int]:
    """The ids of the reports found, from pairs of report and manifest."""
    manifests = [_manifest(at_hand)]
    resolved = LatestOtherAcceptedDataStrategy().resolve_artifacts(
        store, {"manifest": manifests, "report": [_report(*pair) for pair in reports]}
    )
    assert resolved["manifest"] == manifests
    assert resolved.keys() == {"manifest", "report"}  # a resolver node fails over a key that is missing
    return [report.id for report in resolved["report"]]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], []),
        ([(20, 9)], []),
        ([(20, 1)], [20]),
        ([(20, 1), (21, 2)], [21]),
        ([(21, 2), (20, 1)], [21]),
        ([(20, 1), (21, 9)], [20]),
        ([(20, 1), (21, 9), (22, 9)], [20]),
        ([(20, 9), (21, 2), (22, 9)], [21]),
        ([(20, 12)], [20]),  # data of a later run, with which an earlier one is run again
    ],
)
def test_data_are_compared_with_the_last_other_ones_that_passed(
    store: mlmd.MetadataStore, reports: list[tuple[int, int]], expected: list[int]
) -> None:
    assert _resolve_data(store, 9, reports) == expected


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 6)), unique_by=lambda pair: pair[0], max_size=10))
def test_the_order_of_the_reports_does_not_matter(store: mlmd.MetadataStore, reports: list[tuple[int, int]]) -> None:
    others = [report for report, manifest in reports if manifest != 3]

    assert _resolve_data(store, 3, reports) == ([max(others)] if others else [])
