"""Synthetic images of as many patients as wanted."""

import tempfile
from pathlib import Path

from components.datasets.synthetic import PATIENTS, generate


def make_images(work: Path, parts: int) -> Path:
    """A folder below `work` with so many times the images of the synthetic data set, each time of other patients."""
    data = work / f"synthetic-{parts}"
    for part in range(parts):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            generate(Path(folder), seed=part)
            for path in sorted(Path(folder).rglob("*.png")):
                target = data / path.parent.name / renumbered(path.name, part * sum(PATIENTS.values()))
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    return data


def renumbered(name: str, offset: int) -> str:
    """`patient-0105_image-2.png` of `patient-0005_image-2.png` and 100."""
    patient, image = name.split("_")
    return f"patient-{int(patient.removeprefix('patient-')) + offset:04d}_{image}"
