"""Calibration: one temperature, fitted on `eval`, that makes a model's probabilities as sure as it is right.

Temperature scaling divides the logits by a temperature T (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern
Neural Networks", ICML 2017). The logarithms of the probabilities serve as logits, since a softmax of either is the
same. T above 1 makes probabilities less extreme, T below 1 more so; the order of the classes of an image stays, and
with two classes also that of the images.
"""

from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy import optimize, special

LOWEST: Final = 0.05
HIGHEST: Final = 20.0
# What 1 - p can resolve in float32. With a lower limit a model with one sigmoid unit could be surer of one class than
# of the other, and a single image, wrong at a probability of 0, could decide the temperature.
_SMALLEST_PROBABILITY: Final = 2.0**-24


def fit_temperature(probabilities: NDArray[np.floating], label_indices: NDArray[np.integer]) -> float:
    """The temperature in [LOWEST, HIGHEST] at which the labels are the most likely.

    It is 1, which leaves the probabilities as they are, where the images do not tell a temperature:

    - when the true class is the most probable one of every image, as the likelihood then rises without end as T
      falls, and would call the model infallible on the strength of a small data set;
    - when all images are of one class.

    It is HIGHEST, which makes all classes nearly equally probable, when the probabilities say nothing of the labels,
    or the contrary.

    Args:
        probabilities: float (images, classes), each row adding up to 1.
        label_indices: the true classes, int (images,).
    """
    logits = _logits(probabilities)
    true_logits = np.take_along_axis(logits, label_indices[:, np.newaxis], axis=1)[:, 0]
    never_wrong = bool(np.all(true_logits >= logits.max(axis=1)))
    if never_wrong or np.unique(label_indices).size == 1:
        return 1.0

    def negative_log_likelihood(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float(np.mean(special.logsumexp(logits * scale, axis=1) - true_logits * scale))

    # Convex in 1 / T, so there is one minimum only.
    found = optimize.minimize_scalar(
        negative_log_likelihood, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded"
    )
    return float(np.exp(found.x))


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.floating]:
    """Calibrated probabilities, of the same shape and type; the same ones at a temperature of 1.

    Args:
        probabilities: float (images, classes), each row adding up to 1.
        temperature: above 0.
    """
    if temperature == 1.0:
        return probabilities
    calibrated: NDArray[np.floating] = special.softmax(_logits(probabilities) / temperature, axis=1)
    return calibrated.astype(probabilities.dtype)


def apply_temperature_in_graph(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """`apply_temperature` of a float32 tensor, for the served model."""
    if temperature == 1.0:
        return probabilities
    # In float32, images with one probability come out with two, depending on their place in the batch.
    precise = tf.cast(probabilities, tf.float64)
    logits = tf.math.log(tf.maximum(precise, _SMALLEST_PROBABILITY))
    return tf.cast(tf.nn.softmax(logits / temperature, axis=1), tf.float32)


def _logits(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST_PROBABILITY))
