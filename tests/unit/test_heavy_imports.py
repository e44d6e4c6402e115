"""What is imported is no garbage, and nobody looks for any among it."""

import gc
import subprocess
import sys

import pytest

from pipeline.heavy_imports import heavy_imports

COLLECTIONS = """
import gc
from pipeline.heavy_imports import heavy_imports
with heavy_imports():
    before = sum(generation["collections"] for generation in gc.get_stats())
    import numpy
    during = sum(generation["collections"] for generation in gc.get_stats()) - before
print(during, gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


def test_imports_are_not_searched_for_garbage_neither_then_nor_later() -> None:
    finished = subprocess.run([sys.executable, "-c", COLLECTIONS], capture_output=True, text=True, check=True)
    assert finished.stdout == "0 True True\n"


def test_after_a_failing_import_garbage_is_collected_again() -> None:
    try:
        with pytest.raises(ImportError), heavy_imports():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
