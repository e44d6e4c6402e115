"""What can be said against the settings of training and prediction before anything is built."""

from components.models.spec import UNTRAINED, ModelSpec
from components.settings import ModelSettings, PredictionSettings, TrainSettings
from schema.errors import ConfigurationError


def check_training(spec: ModelSpec, model: ModelSettings, train: TrainSettings) -> None:
    """Raises ConfigurationError where there is a second phase, but no first one that leaves a backbone as it is."""
    if train.fine_tuning is None or spec.starting_weights(model) != UNTRAINED:
        return
    if spec.backbone is None:
        raise ConfigurationError(
            f"train.fine_tuning: {spec.name} is trained from scratch, and all of it at once.",
            fix="--set train.fine_tuning=null, or choose an architecture with a backbone",
        )
    raise ConfigurationError(
        f"train.fine_tuning: with model.weights={UNTRAINED}, all of {spec.name} is trained at once, from scratch.",
        fix="--set train.fine_tuning=null, or name weights for the backbone with model.weights",
    )


def check_prediction(spec: ModelSpec, model: ModelSettings, prediction: PredictionSettings) -> None:
    """Raises ConfigurationError where images of this size have fewer symmetries than views are asked for."""
    shape = spec.input_shape(model)
    if prediction.views == 8 and shape.height != shape.width:
        raise ConfigurationError(
            f"prediction.views: images of {shape.height} by {shape.width} pixels have four symmetries, not 8.",
            fix="ask for 4 views or fewer, or give model.image_size two equal sides",
        )
