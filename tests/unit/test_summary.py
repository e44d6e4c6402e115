"""What a run ends with: the summary, and whether anything was published."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from components.report.content import Gate, GateCheck, Publication, ReportContent, SplitCount
from pipeline.output import OutputFolder
from pipeline.summary import check_published, print_summary, read_summary
from schema.errors import EXIT_FAILED, EXIT_NOT_BLESSED, BreastImagingError, ModelNotBlessedError
from tests.clinical import example_evaluation
from tests.report import (
    OVERLAY,
    check,
    examined,
    image_group,
    make_content,
    make_data,
    pair,
    renamed,
    sample,
    shown_image,
)


def _check(metric: str, observed: float | None, bound: float, kind: str = "value") -> GateCheck:
    return check(metric, observed=observed, bound=bound, kind=kind)


def _gate(**changes: Any) -> Gate:
    checks = [_check("auc", 0.91, 0.8), _check("recall", 0.75, 0.75)]
    return Gate(**({"checks": checks, "baseline": None, "blessed": True} | changes))


def _content(**changes: Any) -> ReportContent:
    counts = [
        SplitCount(split="train", images={"benign": 1234, "malig[nant]": 56}, groups=789),
        SplitCount(split="test", images={"benign": 10, "malig[nant]": 11}, groups=12),
    ]
    values: dict[str, Any] = {
        "data": make_data(splits=counts),
        "gate": _gate(),
        "publication": None,
        "clinical": renamed(example_evaluation(), "malignant", "malig[nant]"),
    }
    return make_content(**(values | changes))


def _published(path: Path) -> Publication:
    return Publication(version="7", path=str(path), validated_by="the session loader")


def test_a_model_that_is_blessed_and_there_is_fine(tmp_path: Path) -> None:
    check_published(_content(publication=_published(tmp_path)))


def test_a_published_version_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for gone in (tmp_path / "7", tmp_path / "file"):
        with pytest.raises(BreastImagingError) as caught:
            check_published(_content(publication=_published(gone)))
        assert not isinstance(caught.value, ModelNotBlessedError)
        assert caught.value.exit_code == EXIT_FAILED
        assert str(gone) in caught.value.what


def test_a_model_that_is_not_blessed_is_refused_with_each_metric_that_fell_short_and_by_how_much(
    tmp_path: Path,
) -> None:
    checks = [
        _check("auc", 0.7799, 0.8),
        _check("recall", 0.9, 0.8),
        _check("auc", -0.0316, -0.02, "change"),
        _check("recall", None, 0.8),
    ]

    with pytest.raises(ModelNotBlessedError) as caught:
        check_published(_content(gate=_gate(blessed=False, checks=checks), publication=_published(tmp_path)))

    assert caught.value.exit_code == EXIT_NOT_BLESSED
    assert caught.value.reasons == (
        "test AUC: 0.780, 0.020 short of 0.800",
        "test AUC, change from the latest blessed model: -0.032, 0.012 short of -0.020",
        "test recall: could not be computed (at least 0.800 is asked for)",
    )


def test_a_model_that_cannot_be_certified_is_refused_with_the_reason(tmp_path: Path) -> None:
    clinical = example_evaluation(certify=True, minimum_recall=0.8)

    with pytest.raises(ModelNotBlessedError) as caught:
        check_published(_content(gate=_gate(blessed=False), clinical=clinical))

    assert caught.value.reasons == (clinical.verdict.criteria[1].reason,)
    assert "cannot be certified" in caught.value.reasons[0]
    assert "clinical.certify=false" in caught.value.fix


def test_a_certified_model_is_said_to_be(tmp_path: Path) -> None:
    lines = _print(make_content(clinical=example_evaluation(certify=True)), OutputFolder(tmp_path))

    assert "Blessed:   yes" in lines


def _print(content: ReportContent, output: OutputFolder) -> list[str]:
    stream = StringIO()
    print_summary(content, output, Console(file=stream, width=60))
    return [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


def test_the_summary_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a [long] folder name that would not fit into the width" / "7"

    lines = _print(_content(publication=_published(path)), OutputFolder(tmp_path))

    assert lines[0].strip() == "example: images by split and class"
    assert lines[1].split() == ["split", "benign", "malig[nant]", "groups"]
    assert [line.split() for line in lines[3:5]] == [["train", "1234", "56", "789"], ["test", "10", "11", "12"]]
    assert lines[5:] == [
        "  on 120 test images, 60 of them malig[nant]:",
        "  test AUC: 0.910 (at least 0.800 is asked for)",
        "  test recall: 0.750 (at least 0.750 is asked for)",
        "  no earlier blessed model to compare with",
        "  AUC of malig[nant] is 0.954, and at least 0.856 with 95 % confidence; 0.500 is asked for.",
        "  Recall at the operating point is at least 0.664 with 95 % confidence; 0.500 is asked for (0.833 found"
        " (50 of 60 images), 0.664 certain).",
        "Threshold: 0.5000 of the malig[nant] probability. It was chosen so.",
        "Blessed:   yes, but not certified (clinical.certify is off)",
        f"Published: {path}",
        f"Report:    {tmp_path}/report/index.html",
    ]


def test_the_summary_of_a_refused_model(tmp_path: Path) -> None:
    lines = _print(
        _content(gate=_gate(blessed=False, baseline="model 3", checks=[_check("auc", 0.5, 0.8)])),
        OutputFolder(tmp_path),
    )

    assert "  test AUC: 0.500, 0.300 short of 0.800" in lines
    assert "  no earlier blessed model to compare with" not in lines
    assert "Blessed:   no" in lines
    assert "Published: nothing new" in lines


def test_the_summary_is_read_from_the_report_folder(tmp_path: Path) -> None:
    output = OutputFolder(tmp_path)
    output.report.mkdir()
    content = _content(data=make_data(notes=["schema: ä"]))
    (output.report / "summary.json").write_text(content.model_dump_json(), "utf-8")

    assert read_summary(output) == content


def test_the_summary_file_holds_the_images_without_their_pictures() -> None:
    shown = pair(shown_image(source="a.png"), shown_image(source="b.png"))
    data = make_data(pairs=[shown], samples=[sample("c.png", "benign")])

    written = _content(
        data=data, image_groups=[image_group(examined(source="d.png", overlay=OVERLAY))]
    ).model_dump_json()

    assert "base64" not in written
    read = ReportContent.model_validate_json(written)
    (found,), ((tested,),) = read.data.pairs, [group.images for group in read.image_groups]
    assert (found.first.source, found.second.source) == ("a.png", "b.png")
    assert [each.source for each in read.data.samples] == ["c.png"]
    assert (tested.source, tested.probability) == ("d.png", 0.125)
    assert (found.first.picture, tested.picture, tested.overlay) == ("", "", "")


def test_the_summary_of_an_evaluation_asks_nothing_of_a_gate(tmp_path: Path) -> None:
    lines = _print(_content(gate=None, training=None), OutputFolder(tmp_path))

    assert not any("asked for)" in line and line.startswith("  test ") for line in lines)
    assert "Published: nothing new" in lines
