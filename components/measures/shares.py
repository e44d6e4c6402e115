"""Division that knows what is not defined."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def share(part: ArrayLike, whole: ArrayLike) -> Any:
    """part / whole, NaN where the whole is 0; of arrays element by element."""
    parts, wholes = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes != 0)[()]
