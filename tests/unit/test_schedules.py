"""The learning rate: where it starts, peaks and ends."""

import keras
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.trainer.schedules import learning_rate


def _rates(peak: float, warm_up: float, epochs: int, steps_per_epoch: int, steps: int) -> list[float]:
    schedule = learning_rate("cosine", peak, warm_up, epochs, steps_per_epoch)
    assert isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
    return [float(schedule(step)) for step in range(steps)]


def test_constant_is_the_number_itself() -> None:
    assert learning_rate("constant", 0.01, 0.1, epochs=3, steps_per_epoch=5) == 0.01


def test_cosine_by_example() -> None:
    rates = _rates(0.8, warm_up=0.2, epochs=5, steps_per_epoch=4, steps=25)

    assert rates[:5] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert rates[8] == pytest.approx(0.8 * (2 + 2**0.5) / 4)
    assert rates[12] == pytest.approx(0.4)
    assert rates[19] == pytest.approx(0.4 * (1 - 0.980785), rel=1e-4)
    assert rates[20:] == pytest.approx([0.0] * 5, abs=1e-7)


def test_without_a_warm_up_it_starts_at_the_peak() -> None:
    assert _rates(0.8, warm_up=0.0, epochs=2, steps_per_epoch=2, steps=5) == pytest.approx(
        [0.8, 0.4 * (1 + 2**-0.5), 0.4, 0.4 * (1 - 2**-0.5), 0.0], abs=1e-7
    )


@settings(max_examples=25)
@given(
    peak=st.floats(1e-6, 1.0),
    warm_up=st.floats(0.0, 1.0, exclude_max=True),
    epochs=st.integers(1, 8),
    steps_per_epoch=st.integers(1, 5),
)
def test_it_rises_to_the_peak_once_and_falls_to_nothing(
    peak: float, warm_up: float, epochs: int, steps_per_epoch: int
) -> None:
    steps = epochs * steps_per_epoch
    rates = _rates(peak, warm_up, epochs, steps_per_epoch, steps + 1)

    top = rates.index(max(rates))
    assert top == int(warm_up * steps) < steps
    assert rates[top] == pytest.approx(peak, rel=1e-6)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.0, abs=1e-6 * peak)


@pytest.mark.parametrize("compiled", [False, True])
def test_an_optimizer_follows_it(compiled: bool) -> None:
    optimizer = keras.optimizers.SGD(learning_rate("cosine", 0.8, 0.5, epochs=2, steps_per_epoch=4))
    weight = keras.Variable(0.0)
    optimizer.build([weight])

    @tf.function(jit_compile=compiled)
    def step() -> None:
        optimizer.apply([tf.constant(-1.0)])

    seen = []
    for _ in range(8):
        before = float(weight)
        seen.append(float(optimizer.learning_rate))
        step()
        assert float(weight) - before == pytest.approx(seen[-1], abs=1e-6)
    assert seen[:5] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert float(optimizer.learning_rate) == pytest.approx(0.0, abs=1e-7)
