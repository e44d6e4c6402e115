"""Heat maps: what in an image speaks for the positive class.

HiResCAM (Draelos and Carver, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020): a feature map times the slope of the score over it, element by element, summed
over the channels. Under global average pooling and one dense layer that is what each place adds to the score, and
equals Grad-CAM (Selvaraju et al., ICCV 2017).

The score is the log-odds of the positive class before calibration. Slopes are taken over the maps alone: where
several blocks of a base have a part in the features, each block's map shows what the features take from that block,
and not once more what it gives to later ones. Hence no gradient runs through the base.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import tensorflow as tf

from components.models.heads import logits
from components.models.spec import Explained
from components.trainer.data import LabelCoding
from schema import contract

# Members that look at the same maps, of which the first says how they are joined.
Sharing = Sequence[Explained]

_LEAST_PEAK: Final = float(np.finfo(np.float32).tiny)  # to divide by less can give no number


def heat_maps(groups: Sequence[Sharing], maps: Sequence[Sequence[tf.Tensor]], coding: LabelCoding) -> tf.Tensor:
    """What speaks for the positive class, as a share of what speaks for it most, over the whole image.

    Args:
        groups: the members of an ensemble.
        maps: for each group those of the images, each (batch, rows, columns, channels).

    Returns:
        float32 (batch, HEAT_MAP_SIDE, HEAT_MAP_SIDE) in [0, 1]; 1 at the peak, and 0 everywhere where nothing
        speaks for it.
    """
    evidence = [
        _resized(contribution)
        for group, seen in zip(groups, maps, strict=True)
        for contribution in contributions(group, seen, coding)
    ]
    speaking_for = tf.nn.relu(tf.add_n(evidence))
    peak = tf.reduce_max(speaking_for, axis=(1, 2), keepdims=True)
    return tf.where(peak >= _LEAST_PEAK, speaking_for / tf.maximum(peak, _LEAST_PEAK), 0.0)


def contributions(members: Sharing, maps: Sequence[tf.Tensor], coding: LabelCoding) -> list[tf.Tensor]:
    """What each place adds to the sum of the members' scores, for each map: float32 (batch, rows, columns).

    Where the scores are linear in the maps, they are the sum of all that and a constant; elsewhere to first order.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(maps)
        features = members[0].join(maps)
        score = tf.add_n([_score(member, features, coding) for member in members])
    slopes = tape.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [_product(each, slope) for each, slope in zip(maps, slopes, strict=True)]


def _score(member: Explained, features: tf.Tensor, coding: LabelCoding) -> tf.Tensor:
    before = member.before_output(features, training=False)
    return coding.log_odds(logits(member.head.layers[-1], before))


def _product(maps: tf.Tensor, slopes: tf.Tensor) -> tf.Tensor:
    """In float32, as 16 bits would round small slopes away: (batch, rows, columns)."""
    return tf.reduce_sum(tf.cast(maps, tf.float32) * tf.cast(slopes, tf.float32), axis=-1)


def _resized(evidence: tf.Tensor) -> tf.Tensor:
    """(batch, rows, columns) to (batch, HEAT_MAP_SIDE, HEAT_MAP_SIDE), with about the same sum over the places."""
    side = contract.HEAT_MAP_SIDE
    share = evidence.shape[1] * evidence.shape[2] / side**2
    # Antialiased, as otherwise places of a map that is larger than that would be left out.
    resized = tf.image.resize(evidence[..., tf.newaxis] * share, [side, side], antialias=True)
    return resized[..., 0]
