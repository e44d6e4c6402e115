"""What is written down of a training."""

import json
import math

from components.settings import TransformSettings
from components.trainer.decision import Decision
from components.trainer.fit import History
from components.trainer.phases import FINE_TUNING, HEAD, WHOLE, TrainedNetwork
from components.trainer.training_record import record_training

SHAPE = TransformSettings(height=48, width=64, channels=3)
FIRST = History({"loss": [0.9, 0.8, 0.7], "val_auc": [0.5, 0.75, 0.625]}, best_epoch=2)
SECOND = History({"loss": [0.6, 0.5], "val_auc": [0.75, 0.875]}, best_epoch=2)


def test_the_phases_are_joined_to_one_curve() -> None:
    trained = TrainedNetwork([], {HEAD: FIRST, FINE_TUNING: SECOND}, FINE_TUNING)

    record = record_training([trained], 1234, Decision(1.5, 0.25), SHAPE)

    assert record == {
        "history": {"loss": [0.9, 0.8, 0.7, 0.6, 0.5], "val_auc": [0.5, 0.75, 0.625, 0.75, 0.875]},
        "phases": {"training the head": 3, "fine-tuning": 2},
        "best_epoch": 5,
        "parameters": 1234,
        "members": 1,
        "temperature": 1.5,
        "threshold": 0.25,
        "image_size": [48, 64],
    }
    assert json.loads(json.dumps(record)) == record


def test_where_the_head_is_kept_its_epoch_is_the_best_one_and_the_curve_goes_on() -> None:
    record = record_training(
        [TrainedNetwork([], {HEAD: FIRST, FINE_TUNING: SECOND}, HEAD)], 1, Decision(1.0, 0.5), SHAPE
    )

    assert record["best_epoch"] == 2
    assert len(record["history"]["loss"]) == sum(record["phases"].values()) == 5


def test_of_an_ensemble_the_first_member_is_recorded() -> None:
    members = [TrainedNetwork([], {WHOLE: history}, WHOLE) for history in (FIRST, SECOND, SECOND)]

    record = record_training(members, 1, Decision(1.0, 0.5), SHAPE)

    assert (record["members"], record["phases"], record["best_epoch"]) == (3, {"training": 3}, 2)
    assert record["history"] == FIRST.values


def test_a_value_that_was_no_number_stays_one_that_json_tells() -> None:
    trained = TrainedNetwork([], {WHOLE: History({"val_auc": [math.nan, 0.5]}, 2)}, WHOLE)

    record = json.loads(json.dumps(record_training([trained], 1, Decision(1.0, 0.5), SHAPE)))

    assert math.isnan(record["history"]["val_auc"][0])
