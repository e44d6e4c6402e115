"""The data sets by name."""

from functools import cache

from components import datasets
from components.datasets.spec import DatasetSpec
from components.registry import choose, discover


@cache
def all_datasets() -> dict[str, DatasetSpec]:
    return discover(datasets, "DATASET", DatasetSpec)


def get_dataset(name: str) -> DatasetSpec:
    """Raises ConfigurationError where there is no data set of that name."""
    return choose(all_datasets(), name, "data.dataset")
