"""What the Kubeflow Pipelines UI shows of a report, in the shapes that it reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import to_runtime_artifact

from components import artifacts
from components.report.component import write_report
from components.report.pipelines_ui import classification_metrics, metrics
from tests.report import evaluation_content, make_content, point, refused


def test_figures_are_those_of_the_evaluation() -> None:
    content = make_content()
    found = metrics(content)

    clinical = content.clinical
    assert found["auc"] == clinical.discrimination.auc.value
    assert found["auc_lower_bound"] == clinical.discrimination.auc_low
    assert found["recall"] == clinical.operating_point.recall.figure.value
    assert found["recall_lower_bound"] == clinical.operating_point.recall.figure.low
    assert found["specificity"] == clinical.operating_point.specificity.figure.value
    assert found["threshold"] == clinical.operating_point.threshold
    assert found["test_images"] == sum(clinical.cohort.images.values())
    assert (found["blessed"], found["published_version"]) == (1.0, 4.0)


def test_what_there_is_not_is_left_out() -> None:
    assert {"blessed", "published_version"} & set(metrics(evaluation_content())) == set()
    assert metrics(refused())["blessed"] == 0.0
    assert "published_version" not in metrics(refused())


def test_the_curve_has_rates_by_threshold() -> None:
    curve = [point(0.0, 10, 5, 0, 0), point(0.5, 8, 1, 4, 2), point(1.0, 0, 0, 5, 10)]

    assert classification_metrics(make_content(curve=curve))["confidenceMetrics"] == [
        {"confidenceThreshold": 0.0, "recall": 1.0, "falsePositiveRate": 1.0},
        {"confidenceThreshold": 0.5, "recall": 0.8, "falsePositiveRate": 0.2},
        {"confidenceThreshold": 1.0, "recall": 0.0, "falsePositiveRate": 0.0},
    ]


def test_a_long_curve_keeps_its_ends() -> None:
    curve = [point(number / 999, 999 - number, 999 - number, number, number) for number in range(1000)]

    drawn = classification_metrics(make_content(curve=curve))["confidenceMetrics"]

    assert len(drawn) == 100
    assert (drawn[0]["confidenceThreshold"], drawn[-1]["confidenceThreshold"]) == (0.0, 1.0)


@pytest.mark.parametrize("curve", [[], [point(0.5, 0, 3, 7, 0)], [point(0.5, 8, 0, 0, 2)]])
def test_without_images_of_both_kinds_there_is_no_curve(curve: list[Any]) -> None:
    assert set(classification_metrics(make_content(curve=curve))) == {"confusionMatrix"}


def test_the_matrix_has_true_classes_in_rows() -> None:
    clinical = make_content().clinical

    drawn = classification_metrics(make_content())["confusionMatrix"]

    assert drawn["annotationSpecs"] == [{"displayName": label} for label in clinical.labels]
    assert [row["row"] for row in drawn["rows"]] == clinical.operating_point.confusion


def test_they_reach_the_launcher_as_json_without_nulls(tmp_path: Path) -> None:
    outputs: dict[str, Any] = {
        "report": artifacts.RunReport(),
        "html": artifacts.HtmlPage(),
        "metrics": artifacts.Metrics(),
        "classification_metrics": artifacts.ClassificationMetrics(),
    }
    for name, output in outputs.items():
        output.uri = str(tmp_path / name)
    content = make_content()

    write_report(content, {name: [output] for name, output in outputs.items()})

    sent = {
        name: json.loads(json_format.MessageToJson(to_runtime_artifact(output, {}).metadata))
        for name, output in outputs.items()
    }
    assert sent["metrics"] == metrics(content)
    assert sent["classification_metrics"] == classification_metrics(content)
