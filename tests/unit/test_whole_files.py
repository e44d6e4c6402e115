"""Two workers with the same part, and one that dies in the middle."""

from pathlib import Path

import pytest

from components.image_example_gen.whole_files import whole_file
from components.image_example_gen.work_files import read_json, write_json


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target, work = tmp_path / "shard", tmp_path / "work"
    work.mkdir()

    with pytest.raises(KeyError), whole_file(str(target), str(work)) as partial:
        Path(partial).write_bytes(b"half")
        raise KeyError
    assert not target.exists()
    assert [path.parent for path in tmp_path.rglob("*.partial")] == [work]


def test_the_last_of_two_workers_with_one_part_replaces_the_file(tmp_path: Path) -> None:
    target = str(tmp_path / "shard")

    with whole_file(target, str(tmp_path)) as first, whole_file(target, str(tmp_path)) as second:
        assert first != second
        Path(first).write_bytes(b"the same, from the first")
        Path(second).write_bytes(b"the same, from the second")
    assert Path(target).read_bytes() == b"the same, from the first"
    assert list(tmp_path.iterdir()) == [Path(target)]


def test_values_that_cannot_be_written_replace_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "values.json")
    write_json(path, [1])

    with pytest.raises(TypeError):
        write_json(path, [object()])

    assert read_json(path) == [1]
