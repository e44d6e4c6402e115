"""Where the batch normalisation of a head starts from."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from components.models.heads import build_head
from components.trainer.normalisation import start_from_statistics

MAPS = np.random.default_rng(3).normal(5.0, 2.0, (10, 2, 3, 4)).astype(np.float32) * np.arange(1, 5, dtype=np.float32)


def batches() -> list[NDArray[np.float32]]:
    return [MAPS[:6], MAPS[6:7], MAPS[7:]]


def head(name: str) -> keras.Model:
    return build_head(name, keras.KerasTensor((None, 2, 3, 4)), None, 2)


@pytest.mark.parametrize("name", ["gap", "gap_dropout_first"])
def test_it_starts_from_mean_and_variance_of_what_reaches_it(name: str) -> None:
    pooled = MAPS.mean(axis=(1, 2), dtype=np.float64)
    network = head(name)

    start_from_statistics(network, batches())

    (normalisation,) = (layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization))
    gamma, beta, mean, variance = normalisation.get_weights()
    np.testing.assert_allclose(mean, pooled.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, pooled.var(axis=0), rtol=1e-4)
    assert (gamma == 1.0).all()
    assert (beta == 0.0).all()


@pytest.mark.parametrize("name", ["dense", "mlp"])
def test_a_head_in_which_trained_layers_come_first_stays_as_it_is(name: str) -> None:
    network = head(name)
    before = network.get_weights()

    start_from_statistics(network, batches())

    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))
