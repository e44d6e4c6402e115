"""Registries: what they find, and what they say about what they do not find."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from components.datasets.registry import all_datasets, get_dataset
from components.datasets.spec import MODALITIES
from components.models.registry import all_models, get_model
from components.registry import choose, discover
from schema.errors import ConfigurationError


@dataclass(frozen=True)
class Thing:
    name: str


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """A package with the modules that the test names, each with its source."""
    name = f"package_{abs(hash(request.node.name))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    for module, source in request.param.items():
        (tmp_path / name / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module(name)


def _export(name: str) -> str:
    return f"from {__name__} import Thing\nTHING = Thing({name!r})\n"


@pytest.mark.parametrize(
    "package", [{"one": _export("first"), "two": _export("second"), "helper": "OTHER = 1\n"}], indirect=True
)
def test_every_module_that_exports_the_attribute_is_found_by_the_name_of_what_it_exports(package: ModuleType) -> None:
    assert discover(package, "THING", Thing) == {"first": Thing("first"), "second": Thing("second")}


@pytest.mark.parametrize("package", [{"one": _export("same"), "two": _export("same")}], indirect=True)
def test_one_name_in_two_modules_is_an_error(package: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"two modules of package_\d+ export the name 'same'"):
        discover(package, "THING", Thing)


@pytest.mark.parametrize("package", [{"one": "THING = 'text'\n"}], indirect=True)
def test_an_export_of_another_kind_is_an_error(package: ModuleType) -> None:
    with pytest.raises(TypeError, match="exports THING of type str"):
        discover(package, "THING", Thing)


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose({"resnet": 1, "vgg": 2}, "resnett", "model.architecture")

    assert caught.value.what == "model.architecture: there is none named 'resnett'."
    assert caught.value.fix == "did you mean 'resnet'? known: resnet, vgg"


def test_a_name_like_no_other_is_answered_with_all_of_them() -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose({"vgg": 2, "resnet": 1}, "qqqq", "model.architecture")

    assert caught.value.fix == "known: resnet, vgg"


def test_the_shipped_data_sets() -> None:
    shipped = {"breakhis", "busi", "csv", "idc", "image_folder", "mammogram", "mias", "split_folder", "synthetic"}
    assert shipped <= set(all_datasets())
    assert all(spec.modality in MODALITIES for spec in all_datasets().values())
    assert all(spec.name == name for name, spec in all_datasets().items())
    assert all(spec.positive_label in spec.labels for spec in all_datasets().values() if spec.labels)
    with pytest.raises(ConfigurationError, match=r"data\.dataset.*'bussi'") as caught:
        get_dataset("bussi")
    assert caught.value.fix.startswith("did you mean 'busi'?")


def test_the_shipped_architectures() -> None:
    assert get_model("cnn").name == "cnn"
    assert all(spec.name == name for name, spec in all_models().items())
    with pytest.raises(ConfigurationError, match=r"model\.architecture.*'cnm'") as caught:
        get_model("cnm")
    assert caught.value.fix.startswith("did you mean 'cnn'?")


def test_listing_the_architectures_and_data_sets_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from components.datasets.registry import all_datasets\n"
        "from components.models.registry import all_models\n"
        "assert all_models() and all_datasets()\n"
        "print(sorted({'keras', 'tensorflow', 'apache_beam', 'pandas', 'scipy'} & set(sys.modules)))\n"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "[]\n"
