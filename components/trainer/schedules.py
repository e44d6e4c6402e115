"""The learning rate: constant, or warmed up and then let down along a cosine."""

from typing import Literal

import keras


def learning_rate(
    kind: Literal["constant", "cosine"], peak: float, warm_up: float, epochs: int, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate, as Keras's optimizers take it.

    `cosine` rises in a straight line from 0 to `peak` (Goyal et al., "Accurate, Large Minibatch SGD", 2017), then
    falls to 0 at the end of the last epoch (Loshchilov and Hutter, "SGDR", ICLR 2017). A training that stops early
    stops before the rate has reached 0.

    Args:
        kind: `constant` is `peak` throughout and has no use for the other arguments.
        peak: the highest rate, above 0.
        warm_up: share of all steps in which the rate rises, in [0, 1).
        epochs: at least 1.
        steps_per_epoch: batches of training images in an epoch, at least 1.
    """
    if kind == "constant":
        return peak
    steps = epochs * steps_per_epoch
    warm_up_steps = int(warm_up * steps)
    if warm_up_steps == 0:
        return keras.optimizers.schedules.CosineDecay(peak, steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=steps - warm_up_steps,
        warmup_target=peak,
        warmup_steps=warm_up_steps,
    )
