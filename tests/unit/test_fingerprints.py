"""Fingerprints: they change whenever something that matters does, and not otherwise."""

import importlib.metadata
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from pipeline import fingerprints
from pipeline.fingerprints import LIBRARIES, STEP_CODE, code_fingerprint, data_fingerprint
from schema.errors import DataRejectedError

ROOT = Path(fingerprints.__file__).resolve().parent.parent
PACKAGES = ("schema", "serving", "components", "pipeline")
ENTRY_MODULES = {
    "ImageExampleGen": ("components.image_example_gen.component", "components.image_example_gen.executor"),
    "DataGate": ("components.data_gate.component", "components.data_gate.executor"),
    "Transform": ("components.transform",),
    "FeatureExtractor": ("components.features.component", "components.features.executor"),
    "Tuner": ("components.tuner.component", "components.tuner.tuner_fn"),
    "Trainer": ("components.trainer.component", "components.trainer.run_fn"),
    "CrossValidator": ("components.cross_validation.component", "components.cross_validation.executor"),
    "Evaluator": ("components.evaluator.metrics",),
    "ClinicalEvaluator": ("components.clinical_evaluator.component",),
    "HeatMapEvaluator": ("components.heat_map_evaluator.component",),
    "Pusher": ("components.publisher.component", "serving.check"),
    "CardWriter": ("components.model_card.component",),
    "SpanGate": ("components.span_gate.component",),
    "RunReport": ("components.report.component",),
    "EvaluationReport": ("components.report.component",),
}
# These run code of all of `components`.
ALL_COMPONENTS = {"CrossValidator", "RunReport", "EvaluationReport"}
# These read the manifest and the data set, whose code is that of the ingestion.
INGESTED = {"ImageExampleGen", "DataGate", "HeatMapEvaluator", "CardWriter", "SpanGate"}
LEARNING = {"FeatureExtractor", "Tuner", "Trainer", *ALL_COMPONENTS}
# Whose modules are found by looking into their folder, and so imported without being named.
REGISTRIES = {
    "components.datasets.registry": "components.datasets",
    "components.models.registry": "components.models",
}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _imported(imports: grimp.ImportGraph, module: str) -> set[str]:
    """The module and all first-party modules that it imports, directly or not."""
    found = {module} | imports.find_upstream_modules(module)
    for registry, package in REGISTRIES.items():
        if registry in found:
            for discovered in imports.find_descendants(package):
                found |= {discovered} | imports.find_upstream_modules(discovered)
    return found


def _covers(step: str, module: str) -> bool:
    return any(module == declared or module.startswith(f"{declared}.") for declared in STEP_CODE[step])


@pytest.mark.parametrize("step", [step for step in STEP_CODE if step != "ImportSchemaGen"])
def test_the_code_of_a_step_is_all_that_it_imports(imports: grimp.ImportGraph, step: str) -> None:
    imported = set().union(*(_imported(imports, module) for module in ENTRY_MODULES[step]))

    assert sorted(module for module in imported - {"components"} if not _covers(step, module)) == []


def test_what_is_declared_exists() -> None:
    for modules in STEP_CODE.values():
        for module in modules:
            path = ROOT.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packages, which the fingerprints then look at."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprints, "_root", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("step", STEP_CODE)
def test_a_copy_elsewhere_has_the_same_fingerprint(sources: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = code_fingerprint(step)
    monkeypatch.undo()

    assert code_fingerprint(step) == there


def _changed(sources: Path, path: str, content: bytes | None) -> set[str]:
    """The steps whose fingerprint another content of a file changes."""
    before = {step: code_fingerprint(step) for step in STEP_CODE}
    file = sources / path
    original = file.read_bytes() if file.exists() else None
    if content is None:
        file.unlink()
    else:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    after = {step: code_fingerprint(step) for step in STEP_CODE}
    if original is None:
        file.unlink()
    else:
        file.write_bytes(original)
    assert {step: code_fingerprint(step) for step in STEP_CODE} == before
    return {step for step in STEP_CODE if after[step] != before[step]}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("schema/contract.py", set(STEP_CODE)),
        ("schema/schema.pbtxt", set(STEP_CODE)),
        ("components/transform.py", {"Transform", *LEARNING}),
        ("components/evaluator/eval_config.py", {"Evaluator", *ALL_COMPONENTS}),
        (
            "components/clinical_evaluator/verdict.py",
            {"ClinicalEvaluator", "CardWriter", "SpanGate", *ALL_COMPONENTS},
        ),
        (
            "components/measures/ranking.py",
            {"ClinicalEvaluator", "HeatMapEvaluator", "CardWriter", "SpanGate", *ALL_COMPONENTS},
        ),
        ("components/models/cnn.py", LEARNING),
        ("components/features/store.py", LEARNING),
        ("components/trainer/augmentation.py", LEARNING),
        ("components/trainer/phases.py", LEARNING - {"FeatureExtractor"}),
        ("components/tuner/search_space.py", LEARNING - {"FeatureExtractor"}),
        ("components/cross_validation/folds.py", ALL_COMPONENTS),
        ("components/heat_map_evaluator/localisation.py", {"HeatMapEvaluator", *ALL_COMPONENTS}),
        ("components/datasets/busi.py", {*INGESTED, *ALL_COMPONENTS}),
        ("components/data_checks/leakage.py", {*INGESTED, *ALL_COMPONENTS}),
        ("components/near_duplicates/search.py", {*INGESTED, *ALL_COMPONENTS}),
        ("components/image_example_gen/measurement.py", {*INGESTED, *ALL_COMPONENTS}),
        ("components/data_gate/statistics.py", {"DataGate", "CardWriter", "SpanGate", *ALL_COMPONENTS}),
        ("components/publisher/releases.py", {"Pusher", *ALL_COMPONENTS}),
        ("components/report/page/page.css", ALL_COMPONENTS),
        ("components/report/page/explorer.js", ALL_COMPONENTS),
        ("components/report/page/templates/page.html.jinja", ALL_COMPONENTS),
        ("pipeline/display.py", set()),
    ],
)
def test_one_byte_more_changes_the_fingerprints_of_the_steps_that_use_the_file(
    sources: Path, path: str, steps: set[str]
) -> None:
    assert _changed(sources, path, (sources / path).read_bytes() + b"\n") == steps


def test_a_new_or_missing_module_changes_them_too(sources: Path) -> None:
    assert _changed(sources, "components/models/new.py", b"") == LEARNING
    assert _changed(sources, "components/models/heads.py", None) == LEARNING


def test_what_is_no_source_does_not(sources: Path) -> None:
    assert _changed(sources, "components/models/__pycache__/cnn.cpython-311.pyc", b"x") == set()
    assert _changed(sources, "schema/README.md", b"x") == set()


def test_content_that_moves_from_one_file_to_the_next_changes_them(sources: Path) -> None:
    before = code_fingerprint("Trainer")
    first, second = sources / "components/models/cnn.py", sources / "components/models/heads.py"
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])

    assert code_fingerprint("Trainer") != before


def test_a_file_of_another_name_changes_them(sources: Path) -> None:
    before = code_fingerprint("Trainer")
    (sources / "components/models/heads.py").rename(sources / "components/models/headz.py")

    assert code_fingerprint("Trainer") != before


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_new_release_of_a_library_changes_every_fingerprint(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {step: code_fingerprint(step) for step in STEP_CODE}
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: version(name) + (".post1" if name == library else "")
    )

    assert all(code_fingerprint(step) != before[step] for step in STEP_CODE)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    for name in ("b/1.png", "a/2.png", "a/3.png", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, ns=(1, 10**18))
    return folder


def test_a_copy_with_the_same_times_has_the_same_fingerprint(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "copy")

    assert data_fingerprint(tmp_path / "copy") == data_fingerprint(data)
    (data / "empty folder").mkdir()
    os.utime(data / "a/2.png", ns=(2, 10**18))  # when it was last read
    assert data_fingerprint(tmp_path / "copy") == data_fingerprint(data)


def test_any_change_of_a_file_changes_the_fingerprint(data: Path) -> None:
    seen = [data_fingerprint(data)]

    (data / "a/2.png").write_bytes(b"a/9.png")  # as long as before
    seen.append(data_fingerprint(data))
    (data / "a/2.png").write_bytes(b"longer than before")
    os.utime(data / "a/2.png", ns=(1, 10**18))
    seen.append(data_fingerprint(data))
    os.utime(data / "a/2.png", ns=(1, 10**18 + 1))
    seen.append(data_fingerprint(data))
    (data / "a/2.png").rename(data / "a/4.png")
    seen.append(data_fingerprint(data))
    (data / "a/4.png").rename(data / "b/4.png")
    seen.append(data_fingerprint(data))
    (data / "b/4.png").unlink()
    seen.append(data_fingerprint(data))
    (data / "b").rename(data / "c")
    seen.append(data_fingerprint(data))

    assert len(set(seen)) == len(seen)


def test_a_change_behind_a_link_changes_the_fingerprint(data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.png").write_bytes(b"before")
    (data / "a/link.png").symlink_to(elsewhere / "x.png")
    (data / "linked").symlink_to(elsewhere)
    (data / "broken.png").symlink_to("gone.png")
    before = data_fingerprint(data)
    assert data_fingerprint(data) == before

    (elsewhere / "x.png").write_bytes(b"and after")
    behind_file = data_fingerprint(data)
    (elsewhere / "y.png").write_bytes(b"new")
    behind_folder = data_fingerprint(data)

    assert len({before, behind_file, behind_folder}) == 3


def test_names_that_are_no_text_are_refused(data: Path) -> None:
    Path(os.fsdecode(os.fsencode(data) + b"/\xff.png")).write_bytes(b"1")

    with pytest.raises(DataRejectedError, match="not valid UTF-8"):
        data_fingerprint(data)


def test_links_that_lead_back_are_not_followed_for_ever(data: Path) -> None:
    before = data_fingerprint(data)
    (data / "one").symlink_to(data)
    (data / "other").symlink_to(data.parent)

    assert data_fingerprint(data) == before
