"""What an exported model says of itself, for tests that need no model."""

from collections.abc import Sequence
from pathlib import Path

from schema import contract
from serving.extras import ModelDescription


def write_description(folder: Path, labels: Sequence[str], positive_label: str, name: str = "small") -> None:
    """Args: folder: of a SavedModel that need not be there."""
    description = ModelDescription(
        name=name, labels=tuple(labels), positive_label=positive_label, threshold=0.5, image_size=(32, 32), channels=3
    )
    extras = folder / contract.EXTRA_ASSETS
    extras.mkdir(parents=True, exist_ok=True)
    (extras / contract.MODEL_DESCRIPTION_FILE).write_text(description.model_dump_json())
