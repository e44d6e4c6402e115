"""Several outcomes as a table."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from serving.app.asking import Answered, Refused
from serving.app.table import Row, to_csv, to_rows
from serving.client import BadImageError, Explanation, Prediction

BROKEN = BadImageError("The image cannot be used: it is empty.", fix="leave it out")
SHARE = float(np.float32(0.1))


def answered(name: str, probabilities: dict[str, float], version: int = 7) -> Answered:
    prediction = Prediction("benign", probabilities, probabilities["malignant"], 0.25, "model", version, 0.01)
    explanation = Explanation(prediction, np.zeros((64, 64), np.float32))
    return Answered(name, Image.new("L", (8, 8)), 8, 8, explanation)


def test_rows_hold_answers_and_reasons() -> None:
    shares = {"benign": 1 - SHARE, "malignant": SHARE}

    assert to_rows([answered("a.png", shares), Refused("b.png", BROKEN)]) == [
        Row("a.png", "benign", SHARE, 0.25, shares, "model", 7),
        Row("b.png", error="The image cannot be used: it is empty."),
    ]


def test_the_file_has_every_digit_and_leaves_out_what_there_is_not() -> None:
    rows = to_rows([answered("a, b.png", {"benign": 0.75, "malignant": SHARE}), Refused("c.png", BROKEN)])

    assert to_csv(rows) == (
        "file,label,malignant_probability,threshold,probability of benign,probability of malignant,model_name,"
        "model_version,error\r\n"
        f'"a, b.png",benign,{SHARE!r},0.25,0.75,{SHARE!r},model,7,\r\n'
        "c.png,,,,,,,,The image cannot be used: it is empty.\r\n"
    )
    assert float(SHARE) == 0.10000000149011612


def test_versions_with_other_classes_share_a_table() -> None:
    first, second = {"benign": 0.5, "malignant": 0.5}, {"normal": 1.0, "malignant": 0.0}
    rows = to_rows([answered("a", first), answered("b", second, version=8)])

    old, new = csv.DictReader(io.StringIO(to_csv(rows)))

    assert (old["probability of benign"], old["probability of normal"]) == ("0.5", "")
    assert (new["probability of benign"], new["probability of normal"]) == ("", "1.0")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@a", "\ta", "\ra"])
def test_no_spreadsheet_takes_a_name_for_a_formula(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv([Row(name)]), newline=""))

    assert row["file"] == f"'{name}"
