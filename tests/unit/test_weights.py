"""Weights of a backbone: which file is taken, which is refused, and what is said where there is none."""

import dataclasses
import hashlib
import shutil
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from components.models import weights
from components.models.registry import all_models, get_model
from components.models.spec import InputShape, ModelSpec, Network, PublishedWeights
from components.models.weights import check_weights, load_weights
from components.settings import ModelSettings
from schema.errors import BreastImagingError, ConfigurationError

REAL = Path(__file__).resolve().parents[3] / "shared" / "weights" / "mobilenet_7_5_224_tf_no_top.h5"
MOBILENET = get_model("mobilenet")
SMALL = InputShape(32, 32, 3)
NARROW = ModelSettings(architecture="mobilenet", width_multiplier=0.25)


def raw_mobilenet(width: float) -> keras.Model:
    return keras.applications.MobileNet(input_shape=(32, 32, 3), alpha=width, include_top=False, weights=None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def from_file(path: Path, **settings: object) -> ModelSettings:
    values = {"width_multiplier": 0.25, "weights_sha256": sha256(path) if path.is_file() else "0" * 64, **settings}
    return ModelSettings.model_validate({"architecture": "mobilenet", "weights": str(path), **values})


def has_weights_of(network: Network, raw: keras.Model) -> bool:
    assert network.base is not None
    pairs = zip(network.base.get_weights(), raw.get_weights(), strict=True)
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


@pytest.fixture(scope="module")
def raw() -> keras.Model:
    return raw_mobilenet(0.25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, raw: keras.Model) -> Path:
    """Files of the same weights in both of Keras's HDF5 formats, and files that are something else."""
    folder = tmp_path_factory.mktemp("weights")
    raw.save(folder / "old.h5")
    raw.save_weights(folder / "new.weights.h5")
    raw_mobilenet(0.5).save(folder / "wider.h5")
    raw_mobilenet(0.5).save_weights(folder / "wider.weights.h5")
    keras.applications.VGG16(input_shape=(32, 32, 3), include_top=False, weights=None).save(folder / "vgg16.h5")
    content = (folder / "old.h5").read_bytes()
    (folder / "truncated.h5").write_bytes(content[: len(content) // 2])
    (folder / "signature_alone.h5").write_bytes(content[:8])
    (folder / "text.h5").write_text("not found")
    (folder / "empty.h5").write_bytes(b"")
    (folder / "pickle.pkl").write_bytes(b"\x80\x04N.")
    (folder / "directory.h5").mkdir()
    return folder


@pytest.mark.parametrize("name", ["old.h5", "new.weights.h5"])
def test_a_file_is_loaded_into_the_base(folder: Path, raw: keras.Model, name: str) -> None:
    settings = from_file(folder / name)
    network = MOBILENET.build(settings, SMALL, 2)
    assert not has_weights_of(network, raw)

    check_weights(MOBILENET, settings)
    load_weights(network, MOBILENET, settings)

    assert has_weights_of(network, raw)


def test_the_checksum_may_be_in_capital_letters(folder: Path) -> None:
    path = folder / "old.h5"

    check_weights(MOBILENET, from_file(path, weights_sha256=sha256(path).upper()))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("absent.h5", r"absent\.h5 cannot be read \(No such file or directory\)"),
        ("directory.h5", r"directory\.h5 cannot be read \(Is a directory\)"),
        ("text.h5", r"text\.h5 \(9 bytes\) is no HDF5 file"),
        ("empty.h5", r"empty\.h5 \(0 bytes\) is no HDF5 file"),
        ("pickle.pkl", r"pickle\.pkl is no HDF5 file by its name"),
    ],
)
def test_a_file_that_is_no_hdf5_file_is_refused(folder: Path, name: str, what: str) -> None:
    settings = from_file(folder / name)
    network = MOBILENET.build(NARROW, SMALL, 2)

    with pytest.raises(ConfigurationError, match=what):
        check_weights(MOBILENET, settings)
    with pytest.raises(ConfigurationError, match=what):
        load_weights(network, MOBILENET, settings)


def test_a_file_with_another_checksum_is_refused_and_not_loaded(folder: Path, raw: keras.Model) -> None:
    settings = from_file(folder / "old.h5", weights_sha256="0" * 64)
    network = MOBILENET.build(settings, SMALL, 2)

    with pytest.raises(ConfigurationError, match=sha256(folder / "old.h5")):
        check_weights(MOBILENET, settings)
    with pytest.raises(ConfigurationError, match="is not the file that"):
        load_weights(network, MOBILENET, settings)

    assert not has_weights_of(network, raw)


def test_a_file_without_checksum_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="not the file"):
        check_weights(MOBILENET, from_file(folder / "old.h5", weights_sha256=""))


def test_a_file_over_the_bound_is_refused_unread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "old.h5"
    size = path.stat().st_size

    monkeypatch.setattr(weights, "MAXIMUM_BYTES", size)
    check_weights(MOBILENET, from_file(path))
    monkeypatch.setattr(weights, "MAXIMUM_BYTES", size - 1)
    with pytest.raises(ConfigurationError, match=rf"no HDF5 file of up to {size - 1:,} bytes"):
        check_weights(MOBILENET, from_file(path))


@pytest.mark.parametrize("name", ["wider.h5", "wider.weights.h5", "vgg16.h5", "truncated.h5", "signature_alone.h5"])
def test_a_file_that_does_not_fit_is_refused_with_the_reason(folder: Path, name: str) -> None:
    settings = from_file(folder / name)
    network = MOBILENET.build(settings, SMALL, 2)
    check_weights(MOBILENET, settings)  # nothing can be said against the file by itself

    with pytest.raises(ConfigurationError, match=r"does not fit the layers of mobilenet") as caught:
        load_weights(network, MOBILENET, settings)

    assert len(caught.value.reasons) == 1
    assert caught.value.reasons[0]


@pytest.mark.parametrize("architecture", ["cnn", "mobilenet"])
def test_none_leaves_the_weights_as_initialised(architecture: str) -> None:
    spec = get_model(architecture)
    settings = ModelSettings(architecture=architecture, weights="none")
    network = spec.build(settings, SMALL, 2)
    before = network.whole.get_weights()

    check_weights(spec, settings)
    load_weights(network, spec, settings)

    assert all(np.array_equal(a, b) for a, b in zip(before, network.whole.get_weights(), strict=True))


def test_a_network_from_scratch_loads_nothing() -> None:
    spec = get_model("cnn")

    check_weights(spec, ModelSettings())
    load_weights(spec.build(ModelSettings(), SMALL, 2), spec, ModelSettings())


def test_a_backbone_starts_from_imagenet_unless_the_settings_say_otherwise() -> None:
    assert MOBILENET.starting_weights(ModelSettings()) == "imagenet"
    assert MOBILENET.starting_weights(ModelSettings(weights="none")) == "none"
    assert MOBILENET.starting_weights(ModelSettings(weights="a/b.h5")) == "a/b.h5"


Retrieve = Callable[[str, str, object], None]


@pytest.fixture
def internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Retrieve], Path]:
    """Puts a function in the place of the download below `keras.utils.get_file`, whose cache it returns."""
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))

    def put(retrieve: Retrieve) -> Path:
        monkeypatch.setattr(file_utils, "urlretrieve", retrieve)
        return tmp_path / "models"

    return put


def published(path: Path, checksum: str) -> ModelSpec:
    """MobileNet, were this file its published weights at width 0.25."""
    assert MOBILENET.backbone is not None
    weights_of_width = {
        **MOBILENET.backbone.published,
        0.25: PublishedWeights(f"https://x.test/{path.name}", checksum),
    }
    return dataclasses.replace(
        MOBILENET, backbone=dataclasses.replace(MOBILENET.backbone, published=weights_of_width)
    )


def test_imagenet_weights_are_downloaded_checked_loaded_and_kept(
    folder: Path, raw: keras.Model, internet: Callable[[Retrieve], Path]
) -> None:
    asked = []

    def retrieve(url: str, target: str, _progress: object) -> None:
        asked.append(url)
        shutil.copyfile(folder / "old.h5", target)

    cache = internet(retrieve)
    spec = published(folder / "old.h5", sha256(folder / "old.h5"))
    for _ in range(2):
        network = spec.build(NARROW, SMALL, 2)
        load_weights(network, spec, NARROW)
        assert has_weights_of(network, raw)

    assert asked == ["https://x.test/old.h5"]
    assert (cache / "old.h5").is_file()


def assert_says_what_to_do(error: BreastImagingError, url: str) -> None:
    assert error.what == f"The ImageNet weights of mobilenet could not be downloaded from {url}."
    assert f"download {url}" in error.fix
    assert "--set model.weights=PATH --set model.weights_sha256=" in error.fix


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (urllib.error.URLError(OSError(-2, "Name or service not known")), "Name or service not known"),
        (urllib.error.HTTPError("https://x.test", 403, "Forbidden", None, None), "403 -- Forbidden"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_without_network_the_error_says_what_was_tried_and_what_to_do(
    internet: Callable[[Retrieve], Path], failure: Exception, reason: str
) -> None:
    def retrieve(_url: str, _target: str, _progress: object) -> None:
        raise failure

    internet(retrieve)
    settings = ModelSettings(architecture="mobilenet")
    network = MOBILENET.build(settings, SMALL, 2)

    with pytest.raises(BreastImagingError) as caught:
        load_weights(network, MOBILENET, settings)

    folder = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet"
    assert_says_what_to_do(caught.value, f"{folder}/mobilenet_7_5_224_tf_no_top.h5")
    assert reason in caught.value.reasons[0]


def test_a_damaged_download_is_refused_and_not_loaded(
    folder: Path, raw: keras.Model, internet: Callable[[Retrieve], Path]
) -> None:
    def retrieve(_url: str, target: str, _progress: object) -> None:
        shutil.copyfile(folder / "truncated.h5", target)

    internet(retrieve)
    spec = published(folder / "old.h5", sha256(folder / "old.h5"))
    network = spec.build(NARROW, SMALL, 2)

    for _ in range(2):  # the damaged file in the cache is not taken for good either
        with pytest.raises(BreastImagingError, match="hash does not match") as caught:
            load_weights(network, spec, NARROW)

    assert_says_what_to_do(caught.value, "https://x.test/old.h5")
    assert not has_weights_of(network, raw)


@pytest.mark.parametrize("known", ["", "0" * 64])
def test_a_download_is_checked_against_the_checksum_of_the_settings(
    folder: Path, raw: keras.Model, internet: Callable[[Retrieve], Path], known: str
) -> None:
    asked = []

    def retrieve(url: str, target: str, _progress: object) -> None:
        asked.append(url)
        shutil.copyfile(folder / "old.h5", target)

    internet(retrieve)
    spec = published(folder / "old.h5", known)
    right = NARROW.model_copy(update={"weights_sha256": sha256(folder / "old.h5").upper()})
    network = spec.build(right, SMALL, 2)

    load_weights(network, spec, right)

    assert has_weights_of(network, raw)
    other = right.model_copy(update={"weights": "imagenet", "weights_sha256": "f" * 64})
    network = spec.build(other, SMALL, 2)
    with pytest.raises(BreastImagingError, match="hash does not match") as caught:
        load_weights(network, spec, other)
    assert_says_what_to_do(caught.value, "https://x.test/old.h5")
    assert not has_weights_of(network, raw)
    assert asked == ["https://x.test/old.h5"] * 2  # the file in the cache is another one than is wanted


def test_a_file_without_known_checksum_is_never_asked_for(folder: Path, internet: Callable[[Retrieve], Path]) -> None:
    def retrieve(url: str, _target: str, _progress: object) -> None:
        raise AssertionError(url)

    internet(retrieve)
    spec = published(folder / "old.h5", "")

    with pytest.raises(ValueError, match="no checksum"):
        load_weights(spec.build(NARROW, SMALL, 2), spec, NARROW)


@pytest.mark.parametrize("name", sorted(name for name, spec in all_models().items() if spec.backbone))
def test_the_published_weights_are_those_that_keras_itself_asks_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = get_model(name).backbone
    assert backbone is not None
    asked = []

    def get_file(file_name: str, url: str, cache_subdir: str, file_hash: str = "") -> str:
        asked.append((file_name, url, cache_subdir, file_hash))
        raise InterruptedError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    module = getattr(keras.applications, backbone.module)
    for width, known in backbone.published.items():
        with pytest.raises(InterruptedError):
            getattr(module, backbone.function)(include_top=False, **({"alpha": width} if backbone.has_widths else {}))
        file_name, url, cache_subdir, file_hash = asked.pop()
        assert (known.file_name, known.url, cache_subdir) == (file_name, url, "models")
        assert known.checksum == file_hash or (name == "mobilenet" and not file_hash)


def test_checking_a_file_needs_no_keras(folder: Path) -> None:
    program = (
        "import sys\n"
        "from components.models.checks import check_model\n"
        "from components.models.registry import get_model\n"
        "from components.models.weights import check_weights\n"
        "from components.settings import ModelSettings\n"
        "settings = ModelSettings(architecture='mobilenet', weights=sys.argv[1], weights_sha256=sys.argv[2])\n"
        "check_model(get_model('mobilenet'), settings)\n"
        "check_weights(get_model('mobilenet'), settings)\n"
        "print(sorted({'keras', 'tensorflow', 'h5py', 'numpy'} & set(sys.modules)))\n"
    )
    path = folder / "old.h5"

    answer = subprocess.run(
        [sys.executable, "-c", program, path, sha256(path)], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="../shared/weights is absent")
def test_the_real_weights_of_mobilenet_fit_and_tell_images_apart() -> None:
    settings = from_file(REAL, width_multiplier=None)
    network = MOBILENET.build(settings, InputShape(224, 224, 3), 2)
    reference = keras.applications.MobileNet(
        input_shape=(224, 224, 3), alpha=0.75, include_top=False, weights=str(REAL)
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    images[1] = np.linspace(0, 255, 224)[:, np.newaxis]

    load_weights(network, MOBILENET, settings)
    assert network.base is not None
    features = np.asarray(network.base(images))

    expected = np.asarray(reference(keras.applications.mobilenet.preprocess_input(images.copy())))
    np.testing.assert_allclose(features, expected, atol=1e-5)
    assert features.shape == (2, 7, 7, 768)
    assert np.abs(features[0] - features[1]).mean() > 0.1


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="../shared/weights is absent")
def test_the_real_weights_of_mobilenet_pass_as_a_download(internet: Callable[[Retrieve], Path]) -> None:
    def retrieve(url: str, target: str, _progress: object) -> None:
        assert url.rpartition("/")[2] == REAL.name
        shutil.copyfile(REAL, target)

    internet(retrieve)
    settings = ModelSettings(architecture="mobilenet")
    network = MOBILENET.build(settings, SMALL, 2)

    load_weights(network, MOBILENET, settings)

    assert has_weights_of(
        network, keras.applications.MobileNet((32, 32, 3), alpha=0.75, include_top=False, weights=str(REAL))
    )
