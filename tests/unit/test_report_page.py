"""The report page: what stands on it, and that it loads and runs nothing from outside."""

import json
import re
from collections.abc import Callable

import pytest
from plotly.offline import get_plotlyjs

from components.heat_map_evaluator.content import HeatMapEvaluation
from components.report.content import DroppedImage, Gate, Publication, ReportContent, SplitCount
from components.report.page import data_tables, document, render, text
from tests.clinical import example_evaluation
from tests.report import (
    OVERLAY,
    PICTURE,
    Page,
    check,
    compared_evaluation,
    data_check,
    difference,
    evaluation_content,
    evaluation_of_one_class,
    examined,
    full_content,
    heat_map_evaluation,
    image_group,
    make_content,
    make_data,
    make_training,
    pair,
    point,
    renamed,
    sample,
    shown_image,
    three_class_evaluation,
)

SCRIPT = "<script>alert('x')</script>"
SECTIONS = [
    "verdict",
    "gate",
    "metrics",
    "curves",
    "explorer",
    "calibration",
    "confusion",
    "classes",
    "slices",
    "comparison",
    "images",
    "heat-maps",
    "data",
    "data-checks",
    "pairs",
    "training",
    "lineage",
    "configuration",
]


@pytest.fixture(autouse=True)
def small_bundle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering without the 5 MB of plotly.js, except where a test asks for them."""
    if "whole_page" not in request.fixturenames:
        monkeypatch.setattr(document, "get_plotlyjs", lambda: "/* plotly.js */")


@pytest.fixture(scope="module")
def whole_page() -> str:
    return render.render(full_content())


def draw(content: ReportContent) -> Page:
    return Page(render.render(content))


def test_sections_stand_in_order(whole_page: str) -> None:
    drawn = Page(whole_page)

    assert [heading["id"] for heading in drawn.named("h2")] == SECTIONS
    assert [link["href"] for link in drawn.named("a")][1 : len(SECTIONS)] == [f"#{name}" for name in SECTIONS[1:]]


def test_the_page_of_an_evaluation_has_no_gate_and_no_training() -> None:
    drawn = draw(full_content(gate=None, training=None, publication=None))

    assert [heading["id"] for heading in drawn.named("h2")] == [
        name for name in SECTIONS if name not in {"gate", "training"}
    ]
    assert not {link["href"] for link in drawn.named("a")} & {"#gate", "#training"}
    assert drawn.charts() == ["roc", "precision-recall", "reliability", "scores"]
    assert "Published" not in drawn.texts
    assert not any(text.startswith("Published to") for text in drawn.texts)


def test_what_is_not_certified_is_stamped_so() -> None:
    drawn = draw(make_content())

    stamps = [item for item in drawn.named("li") if (item.get("class") or "").startswith("stamp")]
    assert [stamp["class"] for stamp in stamps] == ["stamp good", "stamp good", "stamp mixed"]
    assert drawn.after("Not certified", 2) == ["Not certified", "not asked for"]
    assert drawn.texts.index("Not certified") < drawn.texts.index("Gate"), "before the navigation"


def test_the_criteria_stand_in_the_verdict() -> None:
    clinical = example_evaluation(certify=True, minimum_recall=0.8)
    texts = draw(make_content(clinical=clinical)).texts

    start = texts.index("Recall at the operating point")
    assert texts[start : start + 5] == [
        "Recall at the operating point",
        clinical.verdict.criteria[1].reason,
        *("0.664", "0.800", "Does not hold"),
    ]
    assert start < texts.index("Gate"), "before the navigation"


def test_the_metrics_are_one_table_with_intervals() -> None:
    clinical = example_evaluation()
    drawn = draw(make_content())

    auc = clinical.discrimination.auc
    start = drawn.texts.index("DeLong: as if images were independent")
    table = drawn.texts[start - 5 : start - 1]
    assert table == [
        "How well scores rank malignant images above others (0.5 chance, 1 perfect), at any threshold.",
        *(text.format_number(each) for each in (auc.value, auc.low, auc.high)),
    ]
    assert drawn.texts.count("F1 score") == 1


def test_confusion_and_classes_are_those_of_the_evaluation() -> None:
    clinical = three_class_evaluation()
    drawn = draw(make_content(clinical=clinical))

    confusion = clinical.operating_point.confusion
    start = drawn.texts.index("Counts of images")
    rows = drawn.texts[start + 7 : start + 7 + 15]
    assert rows == [
        cell
        for label, row in zip(clinical.labels, confusion, strict=True)
        for cell in [label, *map(str, row), str(sum(row))]
    ]
    scores = clinical.classes["benign"]
    start = drawn.texts.index("F1") + 2
    assert drawn.texts[start + 5 : start + 10] == [
        "benign",
        *(text.format_number(value) for value in (scores.precision, scores.recall, scores.f1)),
        "30",
    ]
    assert drawn.texts[start + 15] == "Macro average"


def test_the_explorer_has_the_counts_and_shows_the_frozen_threshold() -> None:
    drawn = draw(make_content(curve=[point(0.0, 10, 20, 0, 0), point(0.5, 8, 3, 17, 2), point(1.0, 0, 0, 20, 10)]))

    data = json.loads(drawn.scripts["threshold-counts"])
    assert (data["thresholds"], data["truePositives"], data["falsePositives"]) == (
        [0.0, 0.5, 1.0],
        [10, 8, 0],
        [20, 3, 0],
    )
    (slider,) = drawn.named("input")
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == ("range", "0", "2", "1")
    assert [label["for"] for label in drawn.named("label")] == [slider["id"]]
    names = {attributes["id"]: None for _, attributes in drawn.elements if "id" in attributes}
    assert {"true-positives", "false-negatives", "false-positives", "true-negatives"} <= set(names)
    start = drawn.texts.index("Called malignant")
    assert drawn.texts[start + 2 : start + 8] == ["malignant", "8", "2", "Other", "3", "17"]


def test_the_explorer_warns_against_choosing_on_test_data() -> None:
    texts = " ".join(draw(make_content(threshold_reason="It was chosen on the eval split.")).texts)

    assert (
        "the frozen threshold is 0.500. It was chosen on the eval split. Choosing one here would be choosing" in texts
    )
    assert "on test data" in texts


def test_the_script_writes_to_elements_that_there_are(whole_page: str) -> None:
    drawn = Page(whole_page)
    identifiers = {attributes["id"] for _, attributes in drawn.elements if "id" in attributes}
    script = render.own_file(render.SCRIPT)

    used = set(re.findall(r'(?:getElementById|write|moveRing)\("([a-z-]+)"', script))
    assert len(used) > 10
    assert used <= identifiers


def test_without_thresholds_there_is_no_slider() -> None:
    drawn = draw(make_content(curve=[]))

    assert drawn.named("input") == []
    assert "There are no thresholds to explore." in drawn.texts
    assert "threshold-counts" not in drawn.scripts


def test_slices_are_drawn_and_told() -> None:
    clinical = three_class_evaluation()
    drawn = draw(make_content(clinical=clinical))

    assert drawn.after("By site", 4) == ["By site", "north", "60", "20 positive"]
    marks = [circle["cx"] for circle in drawn.named("circle")]
    assert len(marks) == 3 * 3, "three figures of all images and of two sites"


def test_the_comparison_tells_differences_and_the_p_value() -> None:
    clinical = compared_evaluation()
    assert clinical.comparison is not None
    drawn = draw(make_content(clinical=clinical))

    assert any("This model less model 12" in each for each in drawn.texts)
    start = drawn.texts.index("DeLong, as if images were independent")
    assert drawn.texts[start + 1] == text.format_signed(clinical.comparison.auc_delong.value)


def test_without_a_comparison_the_page_says_why() -> None:
    evaluation = example_evaluation()
    verdict = evaluation.verdict.model_copy(update={"notes": ["There was no earlier blessed model."]})

    texts = draw(make_content(clinical=evaluation.model_copy(update={"verdict": verdict}))).texts

    assert texts[texts.index("Comparison with the latest blessed model") + 1] == "There was no earlier blessed model."
    assert "There is nothing to compare with." in draw(make_content()).texts


def test_tested_images_are_shown_with_label_decision_and_probability() -> None:
    wrong = examined(source="a.png", label="malignant", decided="benign", probability=0.125)
    right = examined(source="b.png", label="benign", decided="benign", probability=0.0625, overlay=OVERLAY)
    drawn = draw(make_content(image_groups=[image_group(wrong), image_group(right, title="Correct: benign")]))

    assert drawn.after("Worst errors", 5) == [
        "Worst errors",
        "Picked so.",
        "called benign, is malignant",
        "0.125 malignant",
        "a.png",
    ]
    assert drawn.named("img") == [
        {"src": PICTURE, "alt": "malignant, called benign, a.png"},
        {"src": PICTURE, "alt": "benign, called benign, b.png"},
        {"src": OVERLAY, "alt": "Heat map of what speaks for malignant, b.png"},
    ]


def test_what_the_second_picture_is_is_said_and_so_is_its_absence() -> None:
    missing = "The model was exported without heat maps."

    shown = draw(make_content(image_groups=[image_group(examined(overlay=OVERLAY))]))
    assert any("HiResCAM" in text for text in shown.texts)
    assert missing in draw(make_content(image_groups=[image_group(examined())])).texts
    assert missing not in draw(make_content()).texts


def test_heat_maps_are_scored_in_tables() -> None:
    drawn = draw(make_content(heat_maps=heat_map_evaluation()))

    assert drawn.after("benign", 1) == ["benign"]
    start = drawn.texts.index("All images with a lesion")
    assert drawn.texts[start : start + 6] == [
        "All images with a lesion",
        "and 2 with an empty map",
        *("103", "0.175", "0.164", "0.100"),
    ]
    assert drawn.after("28", 4) == ["28", "\u22120.046", "0.038", "31"]


@pytest.mark.parametrize(
    ("pointing", "middle", "said"),
    [
        (0.1, 0.0, "no more often than chance would: they do not"),
        (0.175, 0.311, "no more often than a map that is bright in the middle of every image: do not take"),
        (
            0.4,
            0.311,
            "and more often than a map that is bright in the middle of every image (0.400, 0.100 and 0.311).",
        ),
    ],
)
def test_maps_are_judged_by_what_is_known_without_them(pointing: float, middle: float, said: str) -> None:
    texts = draw(make_content(heat_maps=heat_map_evaluation(pointing, middle))).texts

    assert [said in text for text in texts if text.startswith("The maps point at the lesion")] == [True]


@pytest.mark.parametrize(("shuffled", "said"), [(0.6, "they show the image"), (0.4, "they depend on what")])
def test_maps_are_judged_by_what_is_left_without_what_was_learnt(shuffled: float, said: str) -> None:
    texts = draw(make_content(heat_maps=heat_map_evaluation(shuffled=shuffled))).texts

    assert [said in text for text in texts if text.startswith("With all that was learnt")] == [True]


def test_maps_that_could_not_be_scored_are_not_judged() -> None:
    texts = draw(make_content(heat_maps=heat_map_evaluation(pointing=None, shuffled=None))).texts
    assert not any(text.startswith(("The maps point", "With all that was learnt")) for text in texts)

    missing = HeatMapEvaluation(positive_label="malignant", missing="Nothing here.", unreadable=["b.png"])
    texts = draw(make_content(heat_maps=missing)).texts
    start = texts.index("Can the heat maps be believed?")
    assert texts[start : start + 4] == [
        "Can the heat maps be believed?",
        "Nothing here.",
        "Masks that cannot be read, so that their images were left out here:",
        "b.png",
    ]


def test_groups_without_images_and_images_without_pictures_are_said_to_be_so() -> None:
    drawn = draw(make_content(image_groups=[image_group(), image_group(examined(picture=""), title="More")]))

    assert drawn.after("Worst errors", 2) == ["Worst errors", "There are none."]
    assert "no picture" in drawn.texts
    assert drawn.named("img") == []


def test_samples_of_each_class_are_shown() -> None:
    samples = [sample("a.png", "benign"), sample("b.png", "malignant")]
    drawn = draw(make_content(data=make_data(samples=samples)))

    assert drawn.after("Sample images", 5) == ["Sample images", "benign", "a.png", "malignant", "b.png"]
    assert [image["alt"] for image in drawn.named("img")] == ["benign, a.png", "malignant, b.png"]


def test_data_counts_and_totals() -> None:
    texts = draw(make_content()).texts

    start = texts.index("All splits")
    assert texts[start : start + 5] == ["All splits", "82 groups", "70", "1\u202f250", "1\u202f320"]


def test_no_dropped_images_and_no_warnings() -> None:
    texts = draw(make_content()).texts

    assert "No image was dropped." in texts
    assert "There were no warnings." in texts


def test_every_check_of_the_data_is_listed() -> None:
    checks = [
        data_check(title="Unreadable files", policy="fail"),
        data_check(title="Masks", policy="drop", dropped=1798),
        data_check(title="Burned-in text", findings=["a.png: text", "b.png: text"]),
        data_check(title="Drift", policy="fail", made=False),
    ]

    texts = draw(make_content(data=make_data(checks=checks))).texts

    start = texts.index("Unreadable files")
    assert texts[start : texts.index("Differences between samples")] == [
        *("Unreadable files", "Refuse", "0", "0"),
        *("Masks", "Leave out", "0", "1\u202f798"),
        *("Burned-in text", "Warn", "2", "0"),
        *("What was found, and how to correct it", "a.png: text", "b.png: text", "To correct it: crop the margins."),
        *("Drift", "Refuse", "not made", "0"),
    ]


def test_a_long_list_of_findings_is_cut() -> None:
    findings = [f"folder/{index}.png: text" for index in range(500)]

    drawn = draw(make_content(data=make_data(checks=[data_check(findings=findings)])))

    shown = text.MOST_LISTED + data_tables.MOST_WARNINGS_OF_A_CHECK
    assert sum(each.startswith("folder/") for each in drawn.texts) == shown
    assert "and 450 more" in drawn.texts


def test_a_difference_is_drawn_against_its_limit() -> None:
    differences = [difference(value=0.05, limit=0.2), difference(feature="x")]
    drawn = draw(make_content(data=make_data(differences=differences)))

    assert [rect["width"] for rect in drawn.named("rect") if rect["class"] == "value"] == ["25", "50"]
    assert {line["x1"] for line in drawn.named("line") if "class" not in line and "stroke" not in line} == {"100"}
    assert drawn.after("Width", 3) == ["Width", "0.050", "of 0.200"]


def test_a_difference_beyond_its_limit_is_said_in_words() -> None:
    texts = draw(make_content(data=make_data(differences=[difference(value=0.25, limit=0.2)]))).texts

    assert "over 0.200" in texts


def test_pairs_are_shown_side_by_side() -> None:
    shown = pair(
        shown_image(source="a.png"), shown_image(source="b.png", label="malignant", split="", left_out="a copy")
    )

    drawn = draw(make_content(data=make_data(pairs=[shown], pairs_found=31)))

    assert drawn.named("img") == [
        {"src": PICTURE, "alt": "benign, a.png"},
        {"src": PICTURE, "alt": "malignant, b.png"},
    ]
    assert any(each.startswith("1 of the 31 pairs") for each in drawn.texts)
    start = drawn.texts.index("a.png") - 2
    assert drawn.texts[start : start + 8] == [
        *("benign", ", train", "a.png"),
        *("malignant", ", left out: a copy", "b.png"),
        "Different labels",
        "Similarity 0.96, certainly one picture",
    ]


def test_a_page_without_checks_differences_pairs_and_images() -> None:
    drawn = draw(make_content(data=make_data(checks=[])))

    assert "No checks of the data were made." in drawn.texts
    assert "There was nothing to compare." in drawn.texts
    assert "No near-duplicate images were found." in drawn.texts
    assert "No images were picked." in drawn.texts
    assert drawn.named("img") == []


def test_a_long_list_of_dropped_files_is_cut() -> None:
    dropped = [DroppedImage(source=f"folder/{index}.png", reason="blank") for index in range(500)]

    drawn = draw(make_content(data=make_data(dropped=dropped)))

    assert sum(each.startswith("folder/") for each in drawn.texts) == text.MOST_LISTED
    assert "and 450 more" in drawn.texts
    assert drawn.after("blank", 4) == ["blank", "500", "All reasons", "500"]


def test_a_long_list_of_reasons_is_cut() -> None:
    dropped = [DroppedImage(source="a.png", reason=f"reason {index}") for index in range(500)]

    drawn = draw(make_content(data=make_data(dropped=dropped)))

    assert drawn.after("and 480 more reasons", 4) == ["and 480 more reasons", "480", "All reasons", "500"]


def test_an_empty_history_is_said_to_be_empty() -> None:
    drawn = draw(make_content(training=make_training(history={}, best_epoch=0)))

    assert "No values per epoch were recorded." in drawn.texts
    assert drawn.charts() == ["roc", "precision-recall", "reliability", "scores"]


def test_figures_that_are_not_defined_leave_no_empty_panels() -> None:
    drawn = draw(evaluation_content(clinical=evaluation_of_one_class()))

    assert drawn.charts() == ["reliability", "scores"]
    assert drawn.texts.count("There is no curve to draw: it needs malignant images and others.") == 2
    assert "n/a" in drawn.texts
    assert not any(re.search(r"\b(nan|none)\b", each) for each in drawn.texts)


@pytest.fixture(scope="module")
def hostile() -> ReportContent:
    """A script wherever a text comes from outside."""
    named = renamed(renamed(compared_evaluation(), "malignant", SCRIPT), "model 12", SCRIPT)
    first = named.slices[0].model_copy(update={"attribute": SCRIPT, "value": SCRIPT, "remark": SCRIPT})
    verdict = named.verdict.model_copy(update={"notes": [SCRIPT]})
    shown = pair(
        shown_image(source=f'">{SCRIPT}', label=SCRIPT, split=SCRIPT, picture=f'">{SCRIPT}'),
        shown_image(source=SCRIPT, split="", left_out=SCRIPT),
        change=SCRIPT,
    )
    data = make_data(
        title=SCRIPT,
        modality=SCRIPT,
        source=SCRIPT,
        splits=[SplitCount(split=SCRIPT, images={SCRIPT: 3}, groups=1)],
        dropped=[DroppedImage(source=f"folder/{SCRIPT}.png", reason=SCRIPT)],
        checks=[data_check(title=SCRIPT, policy=SCRIPT, findings=[f"folder/{SCRIPT}.jpg"], fix=SCRIPT)],
        differences=[difference(feature=SCRIPT, first=SCRIPT, second=SCRIPT)],
        notes=[SCRIPT],
        pairs_found=1,
        pairs=[shown],
        samples=[sample(SCRIPT, SCRIPT)],
    )
    tested = examined(source=SCRIPT, label=SCRIPT, decided=SCRIPT, picture=f'">{SCRIPT}', overlay=f'">{SCRIPT}')
    return make_content(
        run_name=SCRIPT,
        created=f'"{SCRIPT}',
        data=data,
        training=make_training(architecture=SCRIPT),
        gate=Gate(checks=[check(f"recall{SCRIPT}", observed=0.1, bound=0.2)], baseline=SCRIPT, blessed=False),
        publication=Publication(version=SCRIPT, path=SCRIPT, validated_by=SCRIPT),
        clinical=named.model_copy(update={"slices": [first], "verdict": verdict, "model": SCRIPT}),
        threshold_reason=SCRIPT,
        image_groups=[image_group(tested, title=SCRIPT).model_copy(update={"meaning": SCRIPT})],
        heat_maps=heat_map_evaluation(positive_label=SCRIPT, unreadable=[SCRIPT]),
        lineage={SCRIPT: SCRIPT},
        configuration=f"note: '</code></pre>{SCRIPT}'\n",
    )


@pytest.mark.parametrize(
    "change", [lambda content: content, lambda content: content.model_copy(update={"gate": None, "training": None})]
)
def test_text_from_outside_is_escaped(
    hostile: ReportContent, change: Callable[[ReportContent], ReportContent]
) -> None:
    page = render.render(change(hostile))
    drawn = Page(page)

    assert SCRIPT not in page
    assert "<script>alert" not in page
    assert len(drawn.named("script")) == 5
    assert drawn.misnested == []
    assert f"folder/{SCRIPT}.png" in drawn.texts
    assert f"folder/{SCRIPT}.jpg" in drawn.texts
    assert {"src": f'">{SCRIPT}', "alt": f'{SCRIPT}, ">{SCRIPT}'} in drawn.named("img")
    assert f"note: '</code></pre>{SCRIPT}'" in drawn.texts


def test_the_page_loads_nothing(whole_page: str) -> None:
    drawn = Page(whole_page)

    links = [attributes["href"] for attributes in drawn.named("a")]
    loading = [
        (tag, name)
        for tag, attributes in drawn.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "data", "poster", "background", "action"} or (name == "href" and tag != "a")
        if value not in {PICTURE, OVERLAY}  # the pictures themselves, not where they lie
    ]
    assert loading == []
    assert all(link is not None and link.startswith("#") for link in links)
    assert not re.search(r"@import|url\(", "".join(drawn.styles))
    assert not re.search(r"fetch|XMLHttpRequest|import\b|https?:", render.own_file(render.SCRIPT))
    assert not any("style" in attributes for _, attributes in drawn.elements)


def test_the_browser_is_told_to_load_nothing(whole_page: str) -> None:
    (policy,) = [meta["content"] for meta in Page(whole_page).named("meta") if meta.get("http-equiv")]

    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_plotly_is_inside_once(whole_page: str) -> None:
    bundle = get_plotlyjs()

    assert whole_page.count(bundle) == 1
    # Either would end or change the script element early.
    assert "</script" not in bundle
    assert "<!--" not in bundle


def test_structure_for_assistive_technology(whole_page: str) -> None:
    drawn = Page(whole_page)
    identifiers = [attributes["id"] for _, attributes in drawn.elements if "id" in attributes]

    assert drawn.misnested == []
    assert drawn.open == []
    assert len(identifiers) == len(set(identifiers))
    assert drawn.named("html") == [{"lang": "en"}]
    assert len(drawn.named("h1")) == 1
    assert any(meta.get("name") == "viewport" for meta in drawn.named("meta"))
    assert drawn.named("a")[0] == {"class": "skip", "href": "#main"}
    assert all(link["href"][1:] in identifiers for link in drawn.named("a") if link["href"])
    assert len(drawn.named("table")) == len(drawn.named("caption")) > 0
    assert all("scope" in header for header in drawn.named("th"))
    assert all(section["aria-labelledby"] in identifiers for section in drawn.named("section"))
    assert all(image["alt"] for image in drawn.named("img"))
    assert all(drawing["aria-hidden"] == "true" for drawing in drawn.named("svg"))
    charts = [div for div in drawn.named("div") if div.get("class") == "chart"]
    assert len(charts) == 6
    assert all(div["role"] == "img" and div["aria-label"] for div in charts)


def test_every_drawn_chart_has_its_figure(whole_page: str) -> None:
    drawn = Page(whole_page)

    assert list(json.loads(drawn.scripts["figures"])) == sorted(map(str, drawn.charts()))


def test_the_page_says_what_it_is_for(whole_page: str) -> None:
    texts = Page(whole_page).texts

    assert "Research use only. Not for diagnosis." in texts
    assert "21 November 2025, 07:01:33 UTC" in " ".join(texts)
