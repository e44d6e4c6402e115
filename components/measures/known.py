"""Values as JSON can hold them."""

import math


def known(value: float) -> float | None:
    """The value, or None for what is not defined, since JSON has no NaN."""
    return value if math.isfinite(value) else None
