"""Fewer of many, for a page that shows some."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def thin(values: NDArray[Any], most: int) -> NDArray[Any]:
    """At most `most` of the values (values,), spread evenly over their places, the first and the last among them."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).round().astype(int)]
