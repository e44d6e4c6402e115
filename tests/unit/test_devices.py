"""Where and how to compute: what `auto` means without a GPU, and with one."""

from typing import Any

import pytest
import tensorflow as tf

from components.settings import TrainSettings
from components.trainer.devices import plan_compute
from schema.errors import EXIT_BAD_CONFIGURATION, ConfigurationError

GPU = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Pretends that there is one GPU; the dictionary says what it can do."""
    details: dict[str, Any] = {}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [GPU] if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    return details


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    if tf.config.list_physical_devices("GPU"):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_everything_is_plain() -> None:
    plan = plan_compute(TrainSettings())

    assert (plan.precision, plan.xla) == ("float32", False)
    assert plan.strategy is tf.distribute.get_strategy()
    assert plan.strategy.num_replicas_in_sync == 1


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_is_asked_for_and_absent_ends_the_run_with_advice() -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_compute(TrainSettings(require_gpu=True))

    assert caught.value.what == "TensorFlow sees no GPU on this machine, and one is asked for."
    assert caught.value.exit_code == EXIT_BAD_CONFIGURATION
    for advice in ("extra `gpu`", "nvidia-smi", "--require-gpu", "train.require_gpu"):
        assert advice in caught.value.fix


@pytest.mark.usefixtures("gpu")
def test_a_gpu_that_is_asked_for_and_there_is_used() -> None:
    plan = plan_compute(TrainSettings(require_gpu=True))

    assert (plan.precision, plan.xla) == ("mixed_float16", True)
    assert plan.strategy.num_replicas_in_sync == 1


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_that_is_named_is_taken(precision: str) -> None:
    assert plan_compute(TrainSettings.model_validate({"precision": precision})).precision == precision


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(("xla", "expected"), [("on", True), ("off", False), ("auto", False)])
def test_xla_without_a_gpu(xla: str, expected: bool) -> None:
    assert plan_compute(TrainSettings.model_validate({"xla": xla})).xla is expected


@pytest.mark.parametrize(
    ("capability", "precision"),
    [
        ((9, 0), "mixed_bfloat16"),
        ((8, 0), "mixed_bfloat16"),
        ((7, 5), "mixed_float16"),
        ((7, 9), "mixed_float16"),
        (None, "mixed_float16"),
    ],
)
def test_a_gpu_computes_in_bfloat16_from_capability_8_on(
    gpu: dict[str, Any], capability: tuple[int, int] | None, precision: str
) -> None:
    if capability is not None:
        gpu["compute_capability"] = capability

    plan = plan_compute(TrainSettings())

    assert (plan.precision, plan.xla) == (precision, True)
    assert plan_compute(TrainSettings(precision="float32")).precision == "float32"


@pytest.mark.parametrize(("xla", "expected"), [("on", True), ("off", False), ("auto", True)])
@pytest.mark.usefixtures("gpu")
def test_xla_with_a_gpu(xla: str, expected: bool) -> None:
    assert plan_compute(TrainSettings.model_validate({"xla": xla})).xla is expected
