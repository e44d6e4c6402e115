"""What can be said against the model's settings before anything is built."""

from components.models.heads import HEADS
from components.models.spec import IMAGENET, UNTRAINED, BackboneSpec, ModelSpec
from components.models.weights import how_to_fetch
from components.registry import choose
from components.settings import ModelSettings
from schema.errors import ConfigurationError


def check_model(spec: ModelSpec, settings: ModelSettings) -> None:
    """Raises ConfigurationError where the architecture and the other settings of the model do not go together.

    Looks at no file, since the configuration may be read on another machine than the one that trains.
    """
    _check_size(spec, settings)
    _check_head(spec, settings)
    _check_features(spec, settings)
    _check_width(spec, settings)
    _check_weights(spec, settings)


def _check_size(spec: ModelSpec, settings: ModelSettings) -> None:
    shape = spec.input_shape(settings)
    if min(shape.height, shape.width) < spec.minimum_side:
        raise ConfigurationError(
            f"model.image_size: {shape.height} by {shape.width} pixels are too few for {spec.name}.",
            fix=f"give it {spec.minimum_side} pixels or more on each side",
        )


def _check_head(spec: ModelSpec, settings: ModelSettings) -> None:
    if not settings.head:
        return
    if spec.backbone is None:
        raise ConfigurationError(
            f"model.head: {spec.name} is trained from scratch, and its last layers belong to it.",
            fix="leave model.head empty, or choose an architecture with a backbone for any of the heads "
            f"{', '.join(HEADS)}",
        )
    choose(HEADS, settings.head, "model.head")


def _check_features(spec: ModelSpec, settings: ModelSettings) -> None:
    if spec.backbone is None and settings.features != "last_map":
        raise ConfigurationError(
            f"model.features: {spec.name} is trained from scratch, and has no blocks of a backbone.",
            fix="leave model.features out, or choose an architecture with a backbone",
        )


def _check_width(spec: ModelSpec, settings: ModelSettings) -> None:
    width = settings.width_multiplier
    if width is None:
        return
    if spec.backbone is None or not spec.backbone.has_widths:
        raise ConfigurationError(
            f"model.width_multiplier: {spec.name} has one width.", fix="leave model.width_multiplier out"
        )
    if width not in spec.backbone.published:
        raise ConfigurationError(
            f"model.width_multiplier: {spec.name} has no width {width:g}.",
            fix=f"choose among {', '.join(f'{known:g}' for known in spec.backbone.published)}",
        )


def _check_weights(spec: ModelSpec, settings: ModelSettings) -> None:
    weights = spec.starting_weights(settings)
    is_file = weights not in {IMAGENET, UNTRAINED}
    if spec.backbone is None:
        if weights != UNTRAINED or settings.weights_sha256:
            raise ConfigurationError(
                f"model.weights: {spec.name} is trained from scratch and loads no weights.",
                fix="leave model.weights and model.weights_sha256 empty, or choose an architecture with a backbone",
            )
    elif is_file and not settings.weights_sha256:
        raise ConfigurationError(
            f"model.weights: {weights!r} is neither {IMAGENET} nor {UNTRAINED}, and as a file it needs its SHA-256.",
            fix=f"choose {IMAGENET} or {UNTRAINED}, or add --set model.weights_sha256=... (sha256sum prints it)",
        )
    elif settings.weights_sha256 and weights == UNTRAINED:
        raise ConfigurationError(
            f"model.weights_sha256: there is nothing to check, since model.weights is {weights}.",
            fix="leave model.weights_sha256 empty, or name weights with --set model.weights=PATH",
        )
    elif weights == IMAGENET and not settings.weights_sha256:
        _check_published(spec.name, spec.backbone, settings)


def _check_published(name: str, backbone: BackboneSpec, settings: ModelSettings) -> None:
    published = backbone.chosen_weights(settings)
    if not published.checksum:
        raise ConfigurationError(
            f"model.weights: no checksum is known of the ImageNet weights of {name} at width "
            f"{backbone.chosen_width(settings):g}, so they are not downloaded unseen.",
            fix=how_to_fetch(published),
        )
