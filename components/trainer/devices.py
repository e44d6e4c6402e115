"""Where and how to compute: distribution, precision, XLA."""

from dataclasses import dataclass

import tensorflow as tf

from components.settings import TrainSettings
from schema.errors import ConfigurationError

_BFLOAT16_SINCE = (8, 0)  # CUDA compute capability of the first GPUs with fast bfloat16


@dataclass(frozen=True)
class ComputePlan:
    """Attributes: strategy: over all devices there are; precision: a Keras policy; xla: compile the step."""

    strategy: tf.distribute.Strategy
    precision: str
    xla: bool


def plan_compute(settings: TrainSettings) -> ComputePlan:
    """Raises ConfigurationError where the settings ask for a GPU and there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    if settings.require_gpu and not gpus:
        raise ConfigurationError(
            "TensorFlow sees no GPU on this machine, and one is asked for.",
            fix="install the package with its extra `gpu` and check the driver with nvidia-smi, or leave "
            "--require-gpu and train.require_gpu out",
        )
    return ComputePlan(
        strategy=tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy(),
        precision=_precision(settings, gpus),
        xla=bool(gpus) if settings.xla == "auto" else settings.xla,
    )


def _precision(settings: TrainSettings, gpus: list[tf.config.PhysicalDevice]) -> str:
    if settings.precision != "auto":
        return settings.precision
    if not gpus:
        return "float32"  # 16-bit types are emulated on most CPUs, and slower
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
    return "mixed_bfloat16" if capability >= _BFLOAT16_SINCE else "mixed_float16"
