"""Whether heat maps depend on what the model has learnt.

The sanity check of Adebayo et al., "Sanity checks for saliency maps" (NeurIPS 2018): weights are replaced from the
output layer downwards, further at each stage, and the maps are compared with those of the model as it is. Maps that
stay alike explain the image and not the model. Here each weight gets its own values in another order, so that sizes
stay what they were and only what was learnt goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.heat_map_evaluator.explain import explain
from components.heat_map_evaluator.similarity import Similarity, compare
from components.heat_map_evaluator.weight_levels import weight_levels
from schema import contract
from serving.servable import Servable

SHARES: Final = (0.25, 0.5, 0.75, 1.0)  # of the layers, after the output layer alone


@dataclass(frozen=True)
class Stage:
    """Attributes: layers: how many are shuffled, from the output on; similarity: to the maps before."""

    layers: int
    similarity: Similarity


def randomise(servable: Servable, images: Sequence[bytes], before: NDArray[np.floating], seed: int) -> list[Stage]:
    """Compares the heat maps of a served model with those after each stage; the first stage shuffles nothing.

    Args:
        servable: whose weights are shuffled afterwards; the files that it was loaded from stay as they are.
        images: encoded.
        before: (images, HEAT_MAP_SIDE, HEAT_MAP_SIDE), what the model answered to them.

    Raises UnusableModelError where the model cannot be asked.
    """
    generator = np.random.default_rng(seed)
    levels = _levels(servable)
    found, done = [], 0
    for layers in stages(max(levels.values()) + 1):
        _shuffle(servable, [name for name, level in levels.items() if done <= level < layers], generator)
        found.append(Stage(layers, compare(before, explain(servable, images))))
        done = layers
    return found


def stages(layers: int) -> list[int]:
    """How many layers are shuffled at each stage: none, the output layer, then a growing share, and all."""
    return sorted({0, 1, *(max(1, round(share * layers)) for share in SHARES)})


def _levels(servable: Servable) -> dict[str, int]:
    output = servable.definition(contract.SERVING_IMAGE).outputs[contract.PROBABILITIES].name
    return weight_levels(servable.session.graph.as_graph_def(), output)


def _shuffle(servable: Servable, names: Sequence[str], generator: np.random.Generator) -> None:
    """All at once, since a session prepares the whole graph anew for each new set of operations."""
    if not names:
        return
    graph, session = servable.session.graph, servable.session
    with graph.as_default():
        variables = [graph.get_operation_by_name(name) for name in names]
        kinds = [(variable.outputs[0], variable.get_attr("dtype")) for variable in variables]
        fed = [tf.compat.v1.placeholder(dtype) for _, dtype in kinds]
        read = [tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype) for handle, dtype in kinds]
        load = [
            tf.raw_ops.AssignVariableOp(resource=handle, value=value)
            for (handle, _), value in zip(kinds, fed, strict=True)
        ]
    shuffled = [generator.permutation(values.ravel()).reshape(values.shape) for values in session.run(read)]
    session.run(load, dict(zip(fed, shuffled, strict=True)))
