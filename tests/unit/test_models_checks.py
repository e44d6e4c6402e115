"""What is said against the model's settings when a configuration is read."""

import subprocess
import sys

import pytest

from components.models.checks import check_model
from components.models.registry import all_models, get_model
from components.settings import ModelSettings
from pipeline.config import load_config
from schema.errors import ConfigurationError

SHA256 = "0123456789abcdef" * 4


def refusal(**settings: object) -> ConfigurationError:
    model = ModelSettings.model_validate(settings)
    with pytest.raises(ConfigurationError) as caught:
        check_model(get_model(model.architecture), model)
    return caught.value


@pytest.mark.parametrize("architecture", all_models())
def test_an_architecture_alone_is_enough(architecture: str) -> None:
    check_model(get_model(architecture), ModelSettings(architecture=architecture))


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "vgg16", "head": "gap"},
        {"architecture": "vgg16", "features": "block_statistics"},
        {"architecture": "densenet121", "head": "gap_dropout_first", "weights": "none"},
        {"architecture": "resnet50", "weights": "imagenet"},
        {"architecture": "resnet50", "weights": "far/away.h5", "weights_sha256": SHA256.upper()},
        {"architecture": "mobilenet", "width_multiplier": 0.75, "weights": "imagenet"},
        {"architecture": "mobilenet", "width_multiplier": 1, "weights": "none"},
        {"architecture": "mobilenet", "width_multiplier": 0.25, "weights": "a.h5", "weights_sha256": SHA256},
        {"architecture": "mobilenet", "width_multiplier": 0.25, "weights_sha256": SHA256},
        {"architecture": "vgg16", "weights": "imagenet", "weights_sha256": SHA256},
        {"architecture": "cnn", "weights": "none"},
        {"architecture": "cnn", "image_size": (22, 22)},
        {"architecture": "cnn_mias", "image_size": (12, 12)},
        {"architecture": "vgg16", "image_size": (32, 32)},
    ],
)
def test_what_goes_together_passes(settings: dict[str, object]) -> None:
    model = ModelSettings.model_validate(settings)

    check_model(get_model(model.architecture), model)


def test_a_wrong_head_is_refused_with_the_heads_that_there_are() -> None:
    error = refusal(architecture="vgg16", head="denze")

    assert error.what == "model.head: there is none named 'denze'."
    assert error.fix == "did you mean 'dense'? known: dense, gap, gap_dropout_first, mlp"


@pytest.mark.parametrize("architecture", ["cnn", "cnn_mias"])
def test_an_architecture_trained_from_scratch_has_no_block_statistics(architecture: str) -> None:
    error = refusal(architecture=architecture, features="block_statistics")

    assert error.what == f"model.features: {architecture} is trained from scratch, and has no blocks of a backbone."
    assert error.fix == "leave model.features out, or choose an architecture with a backbone"


@pytest.mark.parametrize("architecture", ["cnn", "cnn_mias"])
@pytest.mark.parametrize("head", ["gap", "denze"])
def test_an_architecture_trained_from_scratch_takes_no_head(architecture: str, head: str) -> None:
    error = refusal(architecture=architecture, head=head)

    assert error.what == f"model.head: {architecture} is trained from scratch, and its last layers belong to it."
    assert error.fix.startswith("leave model.head empty")
    assert "gap, gap_dropout_first, dense, mlp" in error.fix


def test_weights_that_are_neither_a_choice_nor_a_file_with_its_checksum_are_refused() -> None:
    error = refusal(architecture="vgg16", weights="imagenett")

    assert error.what == (
        "model.weights: 'imagenett' is neither imagenet nor none, and as a file it needs its SHA-256."
    )
    assert error.fix.startswith("choose imagenet or none, or add --set model.weights_sha256=")


def test_a_checksum_of_no_weights_is_refused() -> None:
    error = refusal(architecture="vgg16", weights="none", weights_sha256=SHA256)

    assert error.what == "model.weights_sha256: there is nothing to check, since model.weights is none."
    assert error.fix == "leave model.weights_sha256 empty, or name weights with --set model.weights=PATH"


@pytest.mark.parametrize(
    "settings", [{"weights": "imagenet"}, {"weights": "a.h5", "weights_sha256": SHA256}, {"weights_sha256": SHA256}]
)
def test_an_architecture_trained_from_scratch_takes_no_weights(settings: dict[str, object]) -> None:
    error = refusal(architecture="cnn", **settings)

    assert error.what == "model.weights: cnn is trained from scratch and loads no weights."


@pytest.mark.parametrize("architecture", ["cnn", "vgg16", "densenet201"])
def test_only_a_mobilenet_has_a_width(architecture: str) -> None:
    assert refusal(architecture=architecture, width_multiplier=1.0).what == (
        f"model.width_multiplier: {architecture} has one width."
    )


def test_a_width_that_was_never_published_is_refused() -> None:
    error = refusal(architecture="mobilenet", width_multiplier=0.3, weights="none")

    assert error.what == "model.width_multiplier: mobilenet has no width 0.3."
    assert error.fix == "choose among 0.25, 0.5, 0.75, 1"


@pytest.mark.parametrize(("width", "name"), [(0.25, "2_5"), (0.5, "5_0"), (1.0, "1_0")])
def test_imagenet_weights_without_known_checksum_must_be_named_by_the_user(width: float, name: str) -> None:
    error = refusal(architecture="mobilenet", width_multiplier=width)

    assert f"mobilenet at width {width:g}" in error.what
    assert f"/mobilenet_{name}_224_tf_no_top.h5" in error.fix
    assert "--set model.weights=PATH --set model.weights_sha256=" in error.fix


@pytest.mark.parametrize(
    ("architecture", "size", "least"), [("cnn", (21, 64), 22), ("cnn_mias", (64, 11), 12), ("resnet50", (31, 31), 32)]
)
def test_an_input_that_is_too_small_is_refused(architecture: str, size: tuple[int, int], least: int) -> None:
    error = refusal(architecture=architecture, image_size=size)

    assert error.what == f"model.image_size: {size[0]} by {size[1]} pixels are too few for {architecture}."
    assert error.fix == f"give it {least} pixels or more on each side"


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["model.head=gap"], "model.head: cnn is trained from scratch"),
        (["model.architecture=vgg16", "model.head=gapp"], "model.head: there is none named 'gapp'"),
        (["model.architecture=vgg16", "model.weights=here.h5"], "model.weights: 'here.h5' is neither"),
        (["model.weights=imagenet"], "model.weights: cnn is trained from scratch"),
    ],
)
def test_a_configuration_is_refused_when_it_is_read(overrides: list[str], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config("synthetic", overrides)

    assert caught.value.what.startswith(what)


def test_a_configuration_with_a_backbone_is_read_without_keras() -> None:
    program = (
        "import sys\n"
        "from pipeline.config import load_config\n"
        "model = load_config('synthetic', ['model.architecture=mobilenet', 'model.head=dense']).model\n"
        "print(model.head, sorted({'keras', 'tensorflow', 'h5py'} & set(sys.modules)))\n"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "dense []"


@pytest.mark.parametrize("value", ["0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n"])
def test_a_checksum_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="weights_sha256"):
        ModelSettings(weights_sha256=value)


@pytest.mark.parametrize("width", [0.0, -0.5, 1.01, float("nan")])
def test_a_width_is_a_share(width: float) -> None:
    with pytest.raises(ValueError, match="width_multiplier"):
        ModelSettings(width_multiplier=width)


def test_the_models_settings_survive_json() -> None:
    settings = ModelSettings(
        architecture="mobilenet",
        head="mlp",
        width_multiplier=0.5,
        dropout=0.1,
        weights="a b/c.h5",
        weights_sha256=SHA256,
    )

    assert ModelSettings.model_validate_json(settings.model_dump_json()) == settings
    assert ModelSettings.model_validate_json(ModelSettings().model_dump_json()) == ModelSettings()
