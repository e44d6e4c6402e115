"""Settings: the points where a value stops being accepted, and the way across JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.settings import (
    AugmentationSettings,
    CheckSettings,
    DataSettings,
    GateSettings,
    ModelSettings,
    OperatingPointSettings,
    PredictionSettings,
    ServingSettings,
    Settings,
    SplitSettings,
    TrainerSettings,
    TrainSettings,
    TransformSettings,
)
from schema import contract

ALL_POLICIES, NO_WARNING, NO_DROPPING = ["fail", "drop", "warn"], ["fail", "drop"], ["fail", "warn"]
POLICIES = {
    "unreadable": NO_WARNING,
    "unlabelled": NO_WARNING,
    "annotations": ALL_POLICIES,
    "label_conflicts": ALL_POLICIES,
    "augmented_copies": ALL_POLICIES,
    "shared_pictures": ALL_POLICIES,
    "leakage": NO_WARNING,
    "classes": NO_DROPPING,
    "inverted": ALL_POLICIES,
    "bit_depth": ALL_POLICIES,
    "burned_in": ALL_POLICIES,
    "schema_anomalies": NO_DROPPING,
    "skew": NO_DROPPING,
    "drift": NO_DROPPING,
}
LIMITS = [
    *(
        (CheckSettings, check, policies, ["", "ignore", None, *(set(ALL_POLICIES) - set(policies))])
        for check, policies in POLICIES.items()
    ),
    (CheckSettings, "skew_limit", [0.0, 1.0], [-0.001, 1.001, float("nan")]),
    (CheckSettings, "drift_limit", [0.0, 1.0], [-0.001, 1.001, float("nan")]),
    (CheckSettings, "minimum_images_per_class", [1, 100], [0, 1.5]),
    (ModelSettings, "image_size", [(8, 4096)], [(7, 64), (64, 4097), (64,), (64, 64, 64)]),
    (ModelSettings, "dropout", [0.0, 0.999], [-0.001, 1.0]),
    (TrainSettings, "epochs", [1], [0, -1, 1.5]),
    (TrainSettings, "batch_size", [1], [0]),
    (TrainSettings, "learning_rate", [1e-12, 1.0], [0.0, 1.001, float("nan")]),
    (TrainSettings, "patience", [1], [0]),
    (TrainSettings, "optimizer", ["adam", "rmsprop", "sgd"], ["Adam", ""]),
    (TrainSettings, "precision", ["auto", "float32", "mixed_float16", "mixed_bfloat16"], ["float16"]),
    (OperatingPointSettings, "target_recall", [1e-9, 1.0], [0.0, 1.001]),
    (GateSettings, "minimum_auc", [0.0, 1.0], [-0.001, 1.001, float("nan")]),
    (GateSettings, "maximum_recall_drop", [0.0, 1.0], [-0.001, 1.001]),
    (AugmentationSettings, "preset", ["default", "mias"], ["", "MIAS", "busi", None, ["mias"]]),
    (AugmentationSettings, "rotation_degrees", [0.0, 180.0], [-1.0, 180.5]),
    (AugmentationSettings, "rotation_step_degrees", [0.0, 0.01, 10.0], [-1.0, 0.009, 10.5, 180.5]),
    (AugmentationSettings, "translation", [0.0, 0.5], [0.501]),
    (
        ServingSettings,
        "model_name",
        ["a", "9", "a" * 63, "a_b-c"],
        ["", "A", "_a", "-a", "a" * 64, "a b", "a/b", "a\n"],
    ),
]


@pytest.mark.parametrize(("settings", "key", "accepted", "refused"), LIMITS)
def test_limits(settings: type[Settings], key: str, accepted: list[object], refused: list[object]) -> None:
    for value in accepted:
        assert getattr(settings(**{key: value}), key) == value
    for value in refused:
        with pytest.raises(ValidationError, match=key):
            settings(**{key: value})


@pytest.mark.parametrize(("channels", "accepted"), [(1, True), (3, True), (2, False), (4, False)])
def test_channels_are_one_or_three(channels: int, accepted: bool) -> None:
    values = {"height": 8, "width": 8, "channels": channels}

    if accepted:
        assert TransformSettings.model_validate(values).channels == channels
    else:
        with pytest.raises(ValidationError, match="channels"):
            TransformSettings.model_validate(values)


@pytest.mark.parametrize(
    ("excess", "accepted"), [(0.0, True), (9e-7, True), (-9e-7, True), (2e-6, False), (-2e-6, False)]
)
def test_shares_must_add_up_to_one(excess: float, accepted: bool) -> None:
    values = {"train": 0.6 + excess, "eval": 0.2, "test": 0.2}

    if accepted:
        assert SplitSettings(**values).train == 0.6 + excess
    else:
        with pytest.raises(ValidationError, match="must add up to 1"):
            SplitSettings(**values)


@pytest.mark.parametrize("missing", ["train", "eval", "test"])
def test_no_share_may_be_zero(missing: str) -> None:
    values = {"train": 0.5, "eval": 0.5, "test": 0.5} | {missing: 0.0}

    with pytest.raises(ValidationError, match=missing):
        SplitSettings(**values)


def test_labels() -> None:
    assert DataSettings(dataset="x").labels == ()
    assert DataSettings(dataset="x", labels=("a", "b"), positive_label="b").positive_label == "b"
    with pytest.raises(ValidationError, match="at least two classes"):
        DataSettings(dataset="x", labels=("a",))
    with pytest.raises(ValidationError, match="holds a class twice: a, b, a"):
        DataSettings(dataset="x", labels=("a", "b", "a"))
    with pytest.raises(ValidationError, match="positive_label 'c' is none of a, b"):
        DataSettings(dataset="x", labels=("a", "b"), positive_label="c")


def test_what_is_refused_unless_the_settings_say_otherwise() -> None:
    defaults = CheckSettings()

    assert {check for check in POLICIES if getattr(defaults, check) == "warn"} == {"shared_pictures", "burned_in"}
    assert {check for check in POLICIES if getattr(defaults, check) == "drop"} == set()


def test_attributes_to_select_by_are_those_of_the_contract() -> None:
    where = dict.fromkeys(contract.ATTRIBUTES, ("x", "y"))

    assert DataSettings(dataset="x", where=where).where == where
    with pytest.raises(ValidationError, match="colour, shape is no attribute; known are view, side, magnification"):
        DataSettings(dataset="x", where={"shape": ["a"], "view": ["b"], "colour": ["c"]})
    with pytest.raises(ValidationError, match=r"where\.view"):
        DataSettings(dataset="x", where={"view": "CC"})  # a text, where a list is meant
    with pytest.raises(ValidationError, match=r"where\.view"):
        DataSettings(dataset="x", where={"view": []})  # which no image could have


@given(
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    st.dictionaries(
        st.sampled_from(contract.ATTRIBUTES), st.lists(st.text(max_size=4), min_size=1, max_size=3), max_size=3
    ),
    st.sampled_from(["fail", "drop", "warn"]),
    st.floats(0, 1),
)
def test_the_settings_of_the_data_survive_json(
    label_map: dict[str, str], where: dict[str, list[str]], policy: str, limit: float
) -> None:
    settings = DataSettings.model_validate(
        {
            "dataset": "x",
            "labels": ["b", "a"],
            "label_map": label_map,
            "where": where,
            "checks": {"annotations": policy, "skew_limit": limit},
        }
    )

    again = DataSettings.model_validate_json(settings.model_dump_json())

    assert again == settings
    assert (again.labels, again.label_map) == (("b", "a"), label_map)
    assert again.where == {name: tuple(values) for name, values in where.items()}
    assert (again.checks.annotations, again.checks.skew_limit) == (policy, limit)


MIAS = {
    "horizontal_flip": True,
    "vertical_flip": False,
    "rotation_degrees": 180.0,
    "rotation_step_degrees": 2.0,
    "translation": 0.0,
    "zoom": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
}


def test_a_preset_is_the_settings_spelled_out_and_leaves_nothing_to_the_defaults() -> None:
    preset = AugmentationSettings(preset="mias")

    assert preset.model_dump(exclude={"preset"}) == MIAS
    assert preset == AugmentationSettings.model_validate(MIAS).model_copy(update={"preset": "mias"})
    assert AugmentationSettings(preset="default") == AugmentationSettings()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("horizontal_flip", False),
        ("vertical_flip", True),
        ("rotation_degrees", 10.0),
        ("rotation_step_degrees", 0.0),
        ("translation", 0.05),
        ("zoom", 0.1),
        ("brightness", 0.3),
        ("contrast", 0.4),
    ],
)
def test_a_key_that_is_given_wins_over_the_preset_even_with_its_default(key: str, value: object) -> None:
    values = {"preset": "mias", key: value}

    chosen = AugmentationSettings.model_validate(values)

    assert chosen.model_dump(exclude={"preset"}) == MIAS | {key: value}
    assert AugmentationSettings.model_validate_json(json.dumps(values)) == chosen
    assert AugmentationSettings.model_validate_json(chosen.model_dump_json()) == chosen


def test_settings_are_frozen_and_know_their_keys() -> None:
    settings = TrainSettings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.epochs = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="epoch"):
        TrainSettings(epoch=3)  # type: ignore[call-arg]


@given(
    labels=st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=4, unique=True),
    epochs=st.integers(1, 10**5),
    learning_rate=st.floats(1e-30, 1.0),
    rotation=st.floats(0.0, 180.0),
    size=st.none() | st.tuples(st.integers(8, 4096), st.integers(8, 4096)),
)
def test_the_trainers_settings_survive_json(
    labels: list[str], epochs: int, learning_rate: float, rotation: float, size: tuple[int, int] | None
) -> None:
    settings = TrainerSettings(
        labels=tuple(labels),
        positive_label=labels[0],
        model=ModelSettings(image_size=size),
        train=TrainSettings(
            epochs=epochs,
            learning_rate=learning_rate,
            augmentation=AugmentationSettings(rotation_degrees=rotation),
        ),
        prediction=PredictionSettings(),
        operating_point=OperatingPointSettings(),
        model_name="m",
    )

    again = TrainerSettings.model_validate_json(settings.model_dump_json())

    assert again == settings
    assert again.labels == tuple(labels)
    assert again.model.image_size == size
    assert again.train.learning_rate == learning_rate
