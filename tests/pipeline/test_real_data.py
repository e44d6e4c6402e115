"""The console command on real images."""

from pathlib import Path

import pytest

from tests.pipeline.test_command_line import breast_imaging

BUSI = Path(__file__).resolve().parents[3] / "shared" / "data" / "busi"


@pytest.mark.real_data
@pytest.mark.skipif(not BUSI.is_dir(), reason="../shared/data/busi is absent")
def test_busi_is_read_without_masks_and_without_the_pictures_of_two_classes() -> None:
    finished = breast_imaging("data", "describe", "--config", "busi", "--data", BUSI)
    assert finished.returncode == 0, finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()]
    counts = {
        row[0]: [int(count) for count in row[1:4]] for row in rows if row[:1] in (["train"], ["eval"], ["test"])
    }
    # 107 normal, 351 benign and 171 malignant images, less those that show a picture of another class.
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [105, 340, 164]
    assert "formats: png, 8 bits, grey: 629" in finished.stdout
    assert "mask" not in finished.stdout
    assert "dropped: 20" in finished.stdout
    assert "benign/benign (433).png: the same picture carries different labels" in finished.stdout
    assert "malignant/malignant (145).png: the same picture carries different labels" in finished.stdout
