"""The card of a published model."""

from pathlib import Path
from typing import Final

from schema import contract

_LARGEST: Final = 1024 * 1024  # bytes

CARD_PATH: Final = f"{contract.EXTRA_ASSETS}/{contract.MODEL_CARD}.md"


def read_card(model_folder: Path, version: int) -> str | None:
    """The card of a version, as Markdown; None where there is none, or none that can be read.

    Args:
        model_folder: of the version, or of all versions.
    """
    folder = model_folder if model_folder.name == str(version) else model_folder / str(version)
    try:
        with (folder / CARD_PATH).open("rb") as file:
            return file.read(_LARGEST).decode()
    except (OSError, UnicodeDecodeError):
        return None
