"""Finds the data sets: every module of this package that exports `DATASET`."""

import difflib
import importlib
import pkgutil
from functools import cache

from components import datasets
from components.datasets.spec import DatasetSpec
from schema.errors import ConfigurationError


@cache
def all_datasets() -> dict[str, DatasetSpec]:
    """Every data set by name. Raises ValueError where two modules use one name."""
    found: dict[str, DatasetSpec] = {}
    for module_info in pkgutil.iter_modules(datasets.__path__, f"{datasets.__name__}."):
        spec = getattr(importlib.import_module(module_info.name), "DATASET", None)
        if spec is None:
            continue
        if spec.name in found:
            raise ValueError(f"two modules in components/datasets export the name {spec.name!r}")
        found[spec.name] = spec
    return found


def get_dataset(name: str) -> DatasetSpec:
    """The data set of that name. Raises ConfigurationError where there is none."""
    known = all_datasets()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ConfigurationError(
        f"data.dataset: there is no data set named {name!r}.",
        fix=f"{hint}Known data sets: {', '.join(sorted(known))}.",
    )
