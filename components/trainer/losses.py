"""Losses: cross-entropy, and focal loss, which makes images that are already classified well count less."""

from typing import Any, Literal

import keras

from components.trainer.data import LabelCoding


class FocalLoss(keras.losses.Loss):
    """(1 - p) ** gamma times the cross-entropy -log p, where p is the probability given to the true class.

    Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object Detection", ICCV 2017, without their factor
    alpha: class weights do its work.

    It is built on Keras's cross-entropies rather than being Keras's own focal losses, because those have no gradient
    for images that are classified wrongly with great certainty (categorical), and for gamma below 1 one that is not a
    number for images that are classified rightly with great certainty (binary).

    Attributes:
        cross_entropy: the loss that is weighted.
        gamma: at least 0; with 0 the cross-entropy itself.
    """

    def __init__(self, cross_entropy: keras.losses.Loss, gamma: float) -> None:
        super().__init__(name="focal_loss")
        self.cross_entropy = cross_entropy
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each image, float32 (batch,)."""
        entropies = self.cross_entropy.call(y_true, y_pred)
        doubt = -keras.ops.expm1(-entropies)  # 1 - p, exact also where p is nearly 1
        # The slope of a power below 1 is infinite at 0.
        return keras.ops.power(keras.ops.maximum(doubt, keras.config.epsilon()), self.gamma) * entropies


def make_loss(kind: Literal["cross_entropy", "focal"], gamma: float, coding: LabelCoding) -> keras.losses.Loss:
    """The loss between `coding.target` and a model's outputs, (batch, 1) sigmoid or (batch, classes) softmax.

    Args:
        kind: `cross_entropy` has no use for `gamma`.
        gamma: of the focal loss, at least 0; its authors found 2 to work best.
        coding: how labels become targets.
    """
    cross_entropy: keras.losses.Loss = (
        keras.losses.BinaryCrossentropy() if coding.binary else keras.losses.SparseCategoricalCrossentropy()
    )
    return FocalLoss(cross_entropy, gamma) if kind == "focal" else cross_entropy
