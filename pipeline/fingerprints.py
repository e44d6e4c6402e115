"""Fingerprints of code and data, which make TFX run a step again when either changed."""

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from components.image_example_gen.files import list_folder

_INGESTION: Final = (
    "components.artifacts",
    "components.data_checks",
    "components.datasets",
    "components.image_example_gen",
    "components.labels",
    "components.manifest",
    "components.near_duplicates",
    "components.progress",
    "components.registry",
    "components.settings",
    "components.spans",
)
# What loads a model and asks it; a change of the embedded server makes no step run again.
_SERVABLES: Final = (
    "serving.check",
    "serving.examples",
    "serving.extras",
    "serving.reference",
    "serving.saved_model",
    "serving.servable",
)
_CARDS: Final = (
    "schema",
    *_SERVABLES,
    "components.clinical_evaluator",
    "components.data_gate",
    "components.example_files",
    "components.measures",
    "components.model_card",
    "components.model_files",
    *_INGESTION,
)
_TRAINING: Final = (
    "components.artifacts",
    "components.features",
    "components.models",
    "components.progress",
    "components.registry",
    "components.settings",
    "components.trainer",
    "components.transform",
    "components.tuner",
)
# First-party modules and packages that each step runs. A test holds this list against the import graph.
STEP_CODE: Final[dict[str, tuple[str, ...]]] = {
    "ImageExampleGen": ("schema", *_INGESTION),
    "ImportSchemaGen": ("schema", "components.schema_importer"),
    "DataGate": ("schema", "components.data_gate", *_INGESTION),
    "Transform": ("schema", "components.settings", "components.transform"),
    "FeatureExtractor": (
        "schema",
        "components.artifacts",
        "components.example_files",
        "components.features",
        "components.models",
        "components.progress",
        "components.registry",
        "components.settings",
        "components.trainer.augmentation",
        "components.trainer.data",
        "components.transform",
    ),
    "Tuner": ("schema", *_TRAINING),
    "Trainer": ("schema", *_SERVABLES, *_TRAINING),
    "CrossValidator": ("schema", *_SERVABLES, "components"),
    "Evaluator": ("schema", "components.evaluator", "components.settings"),
    "ClinicalEvaluator": (
        "schema",
        *_SERVABLES,
        "components.artifacts",
        "components.clinical_evaluator",
        "components.example_files",
        "components.measures",
        "components.model_files",
        "components.progress",
        "components.settings",
    ),
    "HeatMapEvaluator": (
        "schema",
        *_SERVABLES,
        "components.example_files",
        "components.heat_map_evaluator",
        "components.measures",
        "components.model_files",
        *_INGESTION,
    ),
    "Pusher": (
        "schema",
        *_SERVABLES,
        "components.artifacts",
        "components.infra_validation",
        "components.publisher",
    ),
    "CardWriter": _CARDS,
    "SpanGate": (*_CARDS, "components.span_gate"),
    "RunReport": ("schema", *_SERVABLES, "components"),
    "EvaluationReport": ("schema", *_SERVABLES, "components"),
}
# A new release of these may change results, so it makes every step run again.
LIBRARIES: Final = (
    "tensorflow",
    "keras",
    "keras-tuner",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "tfx",
    "pillow",
    "pydicom",
    "opencv-python-headless",
    "numpy",
    "scikit-learn",
    "scipy",
    "python-gdcm",
)
_SUFFIXES: Final = (".py", ".pbtxt", ".jinja", ".css", ".js")


def code_fingerprint(step: str) -> str:
    """SHA-256 over the sources that a step runs, and the releases of the libraries it runs on."""
    digest = hashlib.sha256()
    for library in LIBRARIES:
        digest.update(f"{library}={importlib.metadata.version(library)}\n".encode())
    for name in STEP_CODE[step]:
        for path in _sources(name):
            digest.update(path.relative_to(_root()).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def data_fingerprint(root: Path) -> str:
    """SHA-256 over the path, size and time of change of every file that ingestion would see.

    Raises as `list_folder` does.
    """
    digest = hashlib.sha256()
    for path in list_folder(str(root)).paths:
        file = root / path
        status = file.stat() if file.exists() else file.lstat()  # a link may lead nowhere
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def _sources(module: str) -> Sequence[Path]:
    path = _root().joinpath(*module.split("."))
    if not path.is_dir():
        return [path.with_suffix(".py")]
    return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
