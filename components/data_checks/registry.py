"""The checks on images and labels, in the order in which they are made and their faulty images left out."""

from typing import Final

from components.data_checks import (
    annotations,
    augmented_copies,
    bit_depth,
    burned_in,
    classes,
    inverted,
    label_conflicts,
    leakage,
    shared_pictures,
    unlabelled,
    unreadable,
)
from components.data_checks.spec import CheckSpec

CHECKS: Final[tuple[CheckSpec, ...]] = (
    unreadable.CHECK,
    unlabelled.CHECK,
    annotations.CHECK,
    bit_depth.CHECK,
    inverted.CHECK,
    burned_in.CHECK,
    label_conflicts.CHECK,
    augmented_copies.CHECK,
    shared_pictures.CHECK,
    leakage.CHECK,
    classes.CHECK,
)
