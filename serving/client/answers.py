"""What a server answers, as a person reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes longer to import than all the rest of the client
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image. For research only; not for diagnosis.

    Attributes:
        label: the class name at the operating point.
        probabilities: in [0, 1], calibrated, by class name, in the model's order.
        malignant_probability: of the positive class.
        threshold: the operating point: the label is the positive class from this probability on.
        model_name: as the server calls it.
        model_version: that answered.
        latency: seconds from the question to the answer, for all images that were sent together.
    """

    label: str
    probabilities: Mapping[str, float]
    malignant_probability: float
    threshold: float
    model_name: str
    model_version: int
    latency: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """A prediction, with what in the image speaks for the positive class.

    Attributes:
        heat_map: float32 (HEAT_MAP_SIDE, HEAT_MAP_SIDE) in [0, 1], over the whole image whatever its sides; relative
            to its own peak, and 0 everywhere where nothing speaks for the class.
    """

    prediction: Prediction
    heat_map: "NDArray[np.float32]" = field(repr=False)


class State(StrEnum):
    """Of a version on a server."""

    UNKNOWN = "unknown"
    START = "start"
    LOADING = "loading"
    AVAILABLE = "available"
    UNLOADING = "unloading"
    END = "end"


@dataclass(frozen=True)
class VersionStatus:
    """A version as its server sees it. Attributes: error: why it could not be loaded; empty where it could."""

    version: int
    state: State
    error: str = ""
