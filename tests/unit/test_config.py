"""The configuration: what loads, and what is said about what does not."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from components.settings import CheckSettings, FineTuningSettings, TuningSettings
from pipeline.config import Config, load_config, shipped_configs
from schema.errors import EXIT_BAD_CONFIGURATION, ConfigurationError

FOLDER_DATA = {"dataset": "image_folder", "labels": ["cyst", "tumour"], "positive_label": "tumour"}


def _write(tmp_path: Path, **values: object) -> str:
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "data": FOLDER_DATA} | values), "utf-8")
    return str(path)


def _refusal(name: str, *overrides: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_config(name, overrides)
    assert caught.value.exit_code == EXIT_BAD_CONFIGURATION
    return caught.value


def test_the_shipped_configurations() -> None:
    shipped = {"breakhis", "busi", "csv", "idc", "image_folder", "mammogram", "mias", "split_folder", "synthetic"}
    assert shipped <= set(shipped_configs())
    assert shipped_configs() == sorted(shipped_configs())


@pytest.mark.parametrize("name", shipped_configs())
def test_each_shipped_configuration_loads_and_survives_yaml(name: str, tmp_path: Path) -> None:
    config = load_config(name)

    assert config.name == name.rpartition("/")[2]
    assert config.data.positive_label in config.data.labels
    copy = tmp_path / "copy.yaml"
    copy.write_text(config.to_yaml(), "utf-8")
    assert load_config(str(copy)) == config


def test_configurations_in_a_folder_are_named_with_it() -> None:
    assert "reproductions/vgg16_dense" in shipped_configs()
    assert "vgg16_dense" not in shipped_configs()
    assert "did you mean 'reproductions/vgg16_dense'?" in _refusal("reproductions/vgg16_dens").fix


def test_all_shipped_configurations_are_packaged() -> None:
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    packaged = {
        path.relative_to(root / "pipeline" / "configs").with_suffix("").as_posix()
        for pattern in project["tool"]["setuptools"]["package-data"]["pipeline"]
        for path in (root / "pipeline").glob(pattern)
    }

    assert sorted(packaged) == shipped_configs()


def test_classes_are_filled_in_from_the_data_set() -> None:
    config = load_config("busi")

    assert config.data.labels == ("normal", "benign", "malignant")
    assert config.data.positive_label == "malignant"
    assert config.data.checks == CheckSettings(label_conflicts="drop")


def test_the_classes_of_mias_are_united_and_can_be_chosen_otherwise() -> None:
    config = load_config("mias")
    tumours = load_config(
        "mias",
        ["data.label_map={}", "data.labels=[benign, malignant]", "data.positive_label=malignant"],
    )

    assert (config.data.labels, config.data.positive_label) == (("normal", "abnormal"), "abnormal")
    assert (tumours.data.labels, tumours.data.positive_label) == (("benign", "malignant"), "malignant")


def test_a_preset_of_augmentation_gives_way_to_keys_of_the_file_and_of_the_command_line(tmp_path: Path) -> None:
    file = _write(tmp_path, train={"augmentation": {"preset": "mias", "zoom": 0.2}})

    found = load_config(file, ["train.augmentation.rotation_degrees=90"]).train.augmentation

    assert (found.rotation_degrees, found.rotation_step_degrees, found.zoom, found.contrast) == (90.0, 2.0, 0.2, 0.0)
    (tmp_path / "copy.yaml").write_text(load_config(file).to_yaml())
    assert load_config(str(tmp_path / "copy.yaml")) == load_config(file)


def test_a_file_with_two_keys_takes_every_default(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path))

    assert config == Config.model_validate({"name": "mine", "data": FOLDER_DATA})
    assert (config.train.epochs, config.gate.minimum_auc, config.model.image_size) == (25, 0.8, None)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["trian.epochs=3"], "trian: there is no such key; did you mean 'train'?"),
        (["train.epoch=3"], "train.epoch: there is no such key; did you mean 'epochs'?"),
        (
            ["train.augmentation.horizontl_flip=true"],
            "train.augmentation.horizontl_flip: there is no such key; did you mean 'horizontal_flip'?",
        ),
        (
            ["train.fine_tuning.epoch=3"],
            "train.fine_tuning.epoch: there is no such key; did you mean 'epochs'?",
        ),
        (
            ["train.augmentation.preset=ddsm"],
            "train.augmentation.preset: Input should be 'default' or 'mias'; got 'ddsm'",
        ),
        (
            ["train.augmentation.preset=[mias]"],
            "train.augmentation.preset: Input should be 'default' or 'mias'; got ['mias']",
        ),
        (
            ["train.augmentation.rotation_step_degrees=20"],
            "train.augmentation.rotation_step_degrees: Value error, with a largest angle of 10 degrees nothing would "
            "be rotated; got 20",
        ),
        (["train.fine_tuning.zzzzzz=3"], "train.fine_tuning.zzzzzz: there is no such key; known keys: epochs, "),
        (["data.split.trian=0.7"], "data.split.trian: there is no such key; did you mean 'train'?"),
        (["beam.zzzzzz=1"], "beam.zzzzzz: there is no such key; known keys: runner, workers"),
        (["train.epochs=many"], "train.epochs: Input should be a valid integer"),
        (["train.epochs=1.5"], "train.epochs: Input should be a valid integer"),
        (["train.epochs=0"], "train.epochs: Input should be greater than or equal to 1; got 0"),
        (["train.optimizer=adamm"], "train.optimizer: Input should be 'adam', 'rmsprop' or 'sgd'; got 'adamm'"),
        (["model.image_size=[64]"], "model.image_size.1: this key is needed"),
        (["train=5"], "train: Input should be a valid dictionary or instance of TrainSettings; got 5"),
        (["name=Bad Name"], "name: String should match pattern"),
        (
            ["data.split.train=0.8"],
            "data.split: Value error, train, eval and test must add up to 1, and add up to 1.1",
        ),
        (["data.positive_label=other"], "data: Value error, positive_label 'other' is none of cyst, tumour"),
        (["data.labels=[cyst]"], "data: Value error, labels needs at least two classes"),
        (["data.labels=[1, 2]"], "data.labels.0: Input should be a valid string; got 1"),
        (
            ["data.checks.inverted=ignore"],
            "data.checks.inverted: Input should be 'fail', 'drop' or 'warn'; got 'ignore'",
        ),
        (["data.checks.leakage=warn"], "data.checks.leakage: Input should be 'fail' or 'drop'; got 'warn'"),
        (["data.checks.skew=drop"], "data.checks.skew: Input should be 'fail' or 'warn'; got 'drop'"),
        (["data.checks.invertd=warn"], "data.checks.invertd: there is no such key; did you mean 'inverted'?"),
        (["data.check.inverted=warn"], "data.check: there is no such key; did you mean 'checks'?"),
        (["data.checks=warn"], "data.checks: Input should be a valid dictionary or instance of CheckSettings"),
        (["data.checks.skew_limit=2"], "data.checks.skew_limit: Input should be less than or equal to 1; got 2"),
        (
            ["data.checks.minimum_images_per_class=0"],
            "data.checks.minimum_images_per_class: Input should be greater than or equal to 1; got 0",
        ),
        (
            ["data.where.colour=[red]"],
            "data.where: Value error, colour is no attribute; known are view, side, magnification, density, finding,"
            " site, device",
        ),
        (["data.where.view=CC"], "data.where.view: Input should be a valid tuple; got 'CC'"),
        (["data.where.magnification=[40]"], "data.where.magnification.0: Input should be a valid string; got 40"),
        (["data.label_map=[cyst]"], "data.label_map: Input should be a valid dictionary; got ['cyst']"),
        (["data.label_map.cyst=1"], "data.label_map.cyst: Input should be a valid string; got 1"),
    ],
)
def test_a_bad_value_is_named_by_its_key(tmp_path: Path, overrides: list[str], reason: str) -> None:
    error = _refusal(_write(tmp_path), *overrides)

    assert "my.yaml cannot be used" in error.what
    assert error.reasons[0].startswith(reason)


def test_unknown_keys_of_a_file_are_named_too(tmp_path: Path) -> None:
    error = _refusal(_write(tmp_path, train={"epochs": 3, "pateince": 2}, gates={}))

    assert sorted(error.reasons) == [
        "gates: there is no such key; did you mean 'gate'?",
        "train.pateince: there is no such key; did you mean 'patience'?",
    ]


def test_missing_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("train: {epochs: 3}\n")

    assert _refusal(str(path)).reasons == ("name: this key is needed", "data: this key is needed")


@pytest.mark.parametrize(
    ("name", "hint"), [("bussi", "did you mean 'busi'? "), ("syntetic", "did you mean 'synthetic'? "), ("qqqq", "")]
)
def test_an_unknown_name_is_answered_with_the_shipped_ones(name: str, hint: str) -> None:
    error = _refusal(name)

    assert error.what == (
        f"There is no configuration {name!r}, and as a file it cannot be read (No such file or directory)."
    )
    assert error.fix == (
        f"{hint}shipped configurations: {', '.join(shipped_configs())}; or give the path of a YAML file"
    )


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: ä".encode("latin-1"))

    assert "(Is a directory)" in _refusal(str(tmp_path)).what
    assert "(not UTF-8 text)" in _refusal(str(tmp_path / "latin.yaml")).what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: [", "is not valid YAML"),
        ("a: b: c", "is not valid YAML"),
        ("name: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("", "holds no keys"),
        ("- a\n- b\n", "holds no keys"),
        ("just text", "holds no keys"),
    ],
)
def test_files_that_hold_no_configuration_are_refused(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    error = _refusal(str(path))

    assert str(path) in error.what
    assert what in error.what


@pytest.mark.parametrize("override", ["train.epochs", "", "=5", " =5", "train.epochs:5"])
def test_an_override_without_key_or_equals_sign_is_refused(override: str) -> None:
    error = _refusal("synthetic", override)

    assert error.what.startswith(f"--set {override}: ")
    assert error.fix == "write it as --set key.path=value"


def test_an_override_below_a_value_is_refused() -> None:
    assert _refusal("synthetic", "name.first=a").what == "--set name.first: name is a value, not a section."


def test_an_override_that_is_no_yaml_is_refused() -> None:
    assert _refusal("synthetic", "data.labels=[a, b").what == "--set data.labels: the value is not valid YAML."


def test_overrides_take_the_type_of_their_key() -> None:
    config = load_config(
        "image_folder",
        [
            "train.learning_rate=1e-4",
            "train.epochs = 7",
            "train.augmentation.vertical_flip=true",
            "model.image_size=[64, 48]",
            "data.labels=[a, b, c]",
            "data.positive_label=c",
            "beam.workers=2",
        ],
    )

    assert config.train.learning_rate == 1e-4
    assert isinstance(config.train.learning_rate, float)
    assert config.train.epochs == 7
    assert config.train.augmentation.vertical_flip is True
    assert config.model.image_size == (64, 48)
    assert (config.data.labels, config.data.positive_label) == (("a", "b", "c"), "c")
    assert config.beam.workers == 2


def test_the_last_of_two_overrides_counts_and_the_rest_of_the_section_stays() -> None:
    config = load_config("synthetic", ["train.epochs=3", "train.epochs=4"])

    assert (config.train.epochs, config.train.patience) == (4, 6)


def test_an_override_may_hold_an_equals_sign(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path), ["data.labels=[a=b, c]", "data.positive_label=a=b"])

    assert config.data.positive_label == "a=b"


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["data.dataset=bussi"], "data.dataset: there is none named 'bussi'."),
        (["model.architecture=cnm"], "model.architecture: there is none named 'cnm'."),
        (
            ["data.labels=[benign, cancer]", "data.positive_label=cancer"],
            "data.labels: benign, cancer are not all classes of the data set 'busi'.",
        ),
        (
            ["data.labels=[normal, benign]"],
            "data.positive_label: 'malignant' is none of the classes normal, benign.",
        ),
        (
            ["data.positive_label=cancer"],
            "data.positive_label: 'cancer' is none of the classes normal, benign, malignant.",
        ),
        (
            ["data.label_map={cyst: benign, normal: benign, lipoma: benign}"],
            "data.label_map: cyst, lipoma is no class of the data set 'busi'.",
        ),
        (
            ["data.label_map={normal: benign, malignant: benign}"],
            "data.label_map: it leaves one class, 'benign'.",
        ),
        (
            ["data.label_map={benign: harmless}", "data.labels=[benign, malignant]"],
            "data.labels: benign, malignant are not all classes of the data set 'busi'.",
        ),
        (
            ["data.label_map={malignant: cancer}", "data.positive_label=malignant"],
            "data.positive_label: 'malignant' is none of the classes normal, benign, cancer.",
        ),
    ],
)
def test_names_that_the_data_set_or_the_models_lack_are_refused(overrides: list[str], what: str) -> None:
    assert _refusal("busi", *overrides).what == what


@pytest.mark.parametrize(
    ("overrides", "what", "fix"),
    [
        (
            ["model.architecture=cnn"],
            "train.fine_tuning: cnn is trained from scratch, and all of it at once.",
            "--set train.fine_tuning=null, or choose an architecture with a backbone",
        ),
        (
            ["model.architecture=vgg16", "model.weights=none"],
            "train.fine_tuning: with model.weights=none, all of vgg16 is trained at once, from scratch.",
            "--set train.fine_tuning=null, or name weights for the backbone with model.weights",
        ),
    ],
)
def test_a_second_phase_needs_a_pretrained_backbone(overrides: list[str], what: str, fix: str) -> None:
    error = _refusal("synthetic", "train.fine_tuning.epochs=3", *overrides)

    assert (error.what, error.fix) == (what, fix)
    assert load_config("synthetic", [*overrides, "train.fine_tuning=null"]).train.fine_tuning is None


def test_a_second_phase_on_a_pretrained_backbone_takes_its_defaults() -> None:
    config = load_config("synthetic", ["model.architecture=vgg16", "train.fine_tuning.epochs=3"])

    assert config.train.fine_tuning == FineTuningSettings(epochs=3)


def test_eight_views_need_a_square() -> None:
    error = _refusal("synthetic", "model.image_size=[64, 48]", "prediction.views=8")

    assert error.what == "prediction.views: images of 64 by 48 pixels have four symmetries, not 8."
    assert load_config("synthetic", ["model.image_size=[64, 48]", "prediction.views=4"]).prediction.views == 4
    assert load_config("synthetic", ["prediction.views=8"]).prediction.views == 8


def test_the_page_shows_the_defaults_of_sections_that_are_absent() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
    shown: dict[str, object] = {}
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        shown |= yaml.safe_load(block)

    assert shown == {
        "train": {"fine_tuning": FineTuningSettings().model_dump(mode="json")},
        "tuning": TuningSettings().model_dump(mode="json"),
    }


def test_fewer_classes_in_another_order_are_allowed() -> None:
    config = load_config("busi", ["data.labels=[malignant, benign]"])

    assert config.data.labels == ("malignant", "benign")
    assert config.data.positive_label == "malignant"


@pytest.mark.parametrize(
    ("label_map", "labels", "positive"),
    [
        ("{normal: benign}", ("benign", "malignant"), "malignant"),
        ("{malignant: cancer}", ("normal", "benign", "cancer"), "cancer"),
        ("{normal: x, benign: x, malignant: y}", ("x", "y"), "y"),
        ("{}", ("normal", "benign", "malignant"), "malignant"),
    ],
)
def test_renamed_classes_are_filled_in_and_the_positive_one_with_them(
    label_map: str, labels: tuple[str, ...], positive: str
) -> None:
    config = load_config("busi", [f"data.label_map={label_map}"])

    assert (config.data.labels, config.data.positive_label) == (labels, positive)


def test_a_data_set_without_classes_of_its_own_takes_any_renaming(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path), ["data.label_map={t: tumour, c: cyst}"])

    assert config.data.label_map == {"t": "tumour", "c": "cyst"}
    assert config.data.labels == ("cyst", "tumour")


def test_what_is_selected_and_accepted_can_be_overridden_key_by_key() -> None:
    config = load_config(
        "breakhis",
        ["data.where.magnification=[40X, 100X]", "data.checks.skew=warn", "data.checks.skew_limit=0.2"],
    )

    assert config.data.where == {"magnification": ("40X", "100X")}
    assert config.data.checks == CheckSettings(skew="warn", skew_limit=0.2)


@pytest.mark.parametrize("lacking", ["labels", "positive_label"])
def test_image_folder_needs_its_classes_named(tmp_path: Path, lacking: str) -> None:
    data = {key: value for key, value in FOLDER_DATA.items() if key != lacking}

    error = _refusal(_write(tmp_path, data=data))

    assert "'image_folder' has no classes of its own" in error.what
    assert "data.labels=" in error.fix


def test_a_configuration_is_frozen_at_every_level() -> None:
    config = load_config("synthetic")

    with pytest.raises(ValidationError, match="frozen"):
        config.name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.train.augmentation.zoom = 0.0  # type: ignore[misc]
    assert isinstance(config.data.labels, tuple)
