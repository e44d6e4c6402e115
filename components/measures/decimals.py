"""How many decimals tell a value from the bound that it is held against."""

import math
from typing import Final

LEAST: Final = 3
MOST: Final = 6  # below that a difference is rounding error


def decimals_to_tell(value: float | None, bound: float) -> int:
    """Enough to show the bound as it is set, and what differs from it as different."""
    difference = 0.0 if value is None or not math.isfinite(value) else value - bound
    for decimals in range(LEAST, MOST):
        bound_is_exact = math.isclose(round(bound, decimals), bound, abs_tol=1e-9)
        difference_is_shown = round(difference, MOST) == 0 or not _look_alike(bound + difference, bound, decimals)
        if bound_is_exact and difference_is_shown:
            return decimals
    return MOST


def _look_alike(value: float, bound: float, decimals: int) -> bool:
    return round(value, decimals) == round(bound, decimals) or round(value - bound, decimals) == 0
