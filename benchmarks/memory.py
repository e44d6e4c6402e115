"""Peak memory of single steps of a run, against a process that imports TensorFlow and TFX and does nothing.

Each step runs in a process of its own, as on a cluster; on one machine they share one.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Final

from benchmarks.figures import Figure, Progress, figure_of
from benchmarks.ingestion import generate
from benchmarks.measuring import in_new_process, peak_mib, ratios

IMAGES, SIDE, REPETITIONS = 300, 256, 2
STEPS: Final = MappingProxyType(
    {
        "ImageExampleGen": ("ImageExampleGen",),
        "Transform": ("ImportSchemaGen", "Transform"),  # the schema is a file to copy
        "Trainer": ("Trainer",),
    }
)


def measure(work: Path, report: Progress) -> list[Figure]:
    report(f"making {IMAGES} images")
    generate(work / "data", IMAGES, SIDE)
    imports: list[float] = []
    peaks: dict[str, list[float]] = {name: [] for name in STEPS}
    for repetition in range(1, REPETITIONS + 1):
        report(f"imports, {repetition} of {REPETITIONS}")
        imports.append(in_new_process(_peak_of_imports))
        for name, steps in STEPS.items():
            report(f"{name}, {repetition} of {REPETITIONS}")
            peaks[name].append(in_new_process(_peak_of_steps, steps, work))
    return [
        figure_of(
            "memory",
            f"peak of {name} on {IMAGES} images / of importing TensorFlow and TFX",
            ratios(peaks[name], imports),
            {"step_mib": median(peaks[name]), "imports_mib": median(imports)},
        )
        for name in STEPS
    ]


def _peak_of_imports() -> float:
    import tensorflow  # noqa: F401
    from tfx.orchestration.local import local_dag_runner  # noqa: F401

    return peak_mib()


def _peak_of_steps(steps: Sequence[str], work: Path) -> float:
    from benchmarks.steps import run_steps, small_config

    run_steps(steps, small_config("train.epochs=2"), work / "data", work)
    return peak_mib()
