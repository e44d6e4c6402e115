"""What the owners of data call their splits."""

from typing import Final

from schema.contract import EVAL, TEST, TRAIN

SPLIT_NAMES: Final = {
    "train": TRAIN,
    "eval": EVAL,
    "validation": EVAL,
    "val": EVAL,
    "valid": EVAL,
    "dev": EVAL,
    "test": TEST,
}


def split_named(name: str) -> str | None:
    """train, eval or test; None where the name, in whatever case, is that of no split."""
    return SPLIT_NAMES.get(name.lower())
