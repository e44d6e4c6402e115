"""Retraining from an earlier model: from its weights, or with a message why not."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from components.settings import FineTuningSettings, ModelSettings
from components.trainer.phases import FINE_TUNING, HEAD, train_network
from components.trainer.warm_start import WEIGHTS_FILE, read_members, write_members
from schema.errors import ConfigurationError
from tests.training import base_of, learning_set_of, pretrained, task_of

STILL = 1e-30  # a learning rate that moves no weight


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


def _changed(weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    return [array * np.float32(1.5) for array in weights]


def test_members_come_back_to_the_bit(tmp_path: Path) -> None:
    members = [[np.arange(6.0).reshape(2, 3), np.zeros(0, np.float32)], [np.ones((1, 2, 3), np.float32)], []]

    write_members(str(tmp_path), members)

    found = read_members(str(tmp_path))
    assert [len(each) for each in found] == [2, 1, 0]
    for mine, theirs in zip(found, members, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_model_without_weights_is_refused_with_advice(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "weights").mkdir()
        (tmp_path / WEIGHTS_FILE).write_bytes(content)

    with pytest.raises(ConfigurationError, match="no weights to start from") as caught:
        read_members(str(tmp_path))
    assert caught.value.fix == "train once without it: --set train.warm_start=false"


def test_a_head_goes_on_from_its_weights_on_the_backbone_that_the_features_come_from(model: ModelSettings) -> None:
    task = task_of(model, epochs=1, learning_rate=STILL, optimizer="sgd")
    train, evaluation = learning_set_of(task, 16, 1), learning_set_of(task, 16, 2)
    network = task.build()
    start = _changed(network.whole.get_weights())

    trained = train_network(task, train, evaluation, seed=0, start=start)

    assert list(trained.histories) == [HEAD]
    found, earlier = task.build(), task.build()
    found.whole.set_weights(trained.weights)
    earlier.whole.set_weights(start)
    for mine, pretrained_weights in zip(base_of(found).get_weights(), base_of(network).get_weights(), strict=True):
        np.testing.assert_array_equal(mine, pretrained_weights)
    trainable = zip(found.head.trainable_variables, earlier.head.trainable_variables, strict=True)
    for mine, theirs in trainable:
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), atol=1e-20)


def test_a_fine_tuned_network_goes_on_with_fine_tuning(model: ModelSettings) -> None:
    fine_tuning = FineTuningSettings(epochs=1, learning_rate=STILL, schedule="constant")
    task = task_of(model, epochs=1, optimizer="sgd", fine_tuning=fine_tuning)
    train, evaluation = learning_set_of(task, 16, 1), learning_set_of(task, 16, 2)
    start = _changed(task.build().whole.get_weights())

    trained = train_network(task, train, evaluation, seed=0, start=start)

    assert list(trained.histories) == [FINE_TUNING]
    for mine, theirs in zip(trained.weights, start, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-20)


def test_weights_of_another_network_are_refused(model: ModelSettings) -> None:
    task = task_of(model, epochs=1)
    other = dataclasses.replace(task, coding=dataclasses.replace(task.coding, classes=3))
    train, evaluation = learning_set_of(task, 16, 1), learning_set_of(task, 16, 2)

    with pytest.raises(ConfigurationError, match="another network") as caught:
        train_network(task, train, evaluation, seed=0, start=other.build().whole.get_weights())
    assert "--set train.warm_start=false" in caught.value.fix
