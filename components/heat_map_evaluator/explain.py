"""Asks a served model for heat maps."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.servable import Servable

BATCH_SIZE: Final = 16


def explain(servable: Servable, images: Sequence[bytes]) -> NDArray[np.float32]:
    """The heat maps of encoded images, (images, HEAT_MAP_SIDE, HEAT_MAP_SIDE); there is at least one image."""
    batches = [images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE)]
    return np.concatenate([servable.explain_images(batch).heat_maps for batch in batches])
