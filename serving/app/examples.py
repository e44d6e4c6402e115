"""Synthetic images to try the page with: phantoms of the `synthetic` data set, of its seed 0."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from serving.app.asking import GivenImage

_FOLDER: Final = "phantoms"


@dataclass(frozen=True)
class Example:
    """Attributes: title: what it was made as; file: its name in the folder; patient: its number in the data set."""

    title: str
    file: str
    patient: int

    def load(self) -> GivenImage:
        data = (files(__package__) / _FOLDER / self.file).read_bytes()
        return GivenImage(f"example {self.file}", f"Synthetic phantom: {self.title}", data)


EXAMPLES: Final = (
    Example("benign, typical", "benign.png", 6),
    Example("benign, less typical", "unclear.png", 12),
    Example("malignant, typical", "malignant.png", 5),
)
