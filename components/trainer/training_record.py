"""What is written down of a training, for the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.settings import TransformSettings
from components.trainer.decision import Decision
from components.trainer.phases import TrainedNetwork


def record_training(
    trained: Sequence[TrainedNetwork],
    parameters: int,
    decision: Decision,
    shape: TransformSettings,
    tuned: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Of an ensemble, the curves are those of its first member.

    Returns:
        Values that JSON knows: `history`, one list for each measured value, over the epochs of all phases; `phases`,
        the number of epochs of each phase; `best_epoch`, counted from 1 over all of them; `parameters`, `members`,
        `temperature`, `threshold`, `image_size`; where settings were tuned, `tuned`, what was trained with instead of
        the configuration, by its keys.
    """
    first = trained[0]
    names = {name for history in first.histories.values() for name in history.values}
    return {
        "history": {
            name: [value for history in first.histories.values() for value in history.values.get(name, [])]
            for name in sorted(names)
        },
        "phases": {phase: history.epochs for phase, history in first.histories.items()},
        "best_epoch": first.best_epoch,
        "parameters": parameters,
        "members": len(trained),
        "temperature": decision.temperature,
        "threshold": decision.threshold,
        "image_size": [shape.height, shape.width],
        **({"tuned": dict(tuned)} if tuned else {}),
    }
