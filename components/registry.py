"""Finds what the modules of a package export, so that adding one takes a module and nothing else."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Protocol, TypeVar

from schema.errors import ConfigurationError

T = TypeVar("T")


class Named(Protocol):
    """Anything with a name of its own."""

    @property
    def name(self) -> str: ...


NamedT = TypeVar("NamedT", bound=Named)


def discover(package: ModuleType, attribute: str, kind: type[NamedT]) -> dict[str, NamedT]:
    """The objects that the package's modules export under `attribute`, by their names.

    Raises ValueError where two modules use one name, and TypeError where an object is of another kind.
    """
    found: dict[str, NamedT] = {}
    for spec in _exported(package, attribute):
        if not isinstance(spec, kind):
            raise TypeError(f"a module of {package.__name__} exports {attribute} of type {type(spec).__name__}")
        if spec.name in found:
            raise ValueError(f"two modules of {package.__name__} export the name {spec.name!r}")
        found[spec.name] = spec
    return found


def choose(known: Mapping[str, T], name: str, setting: str) -> T:
    """The entry of that name. Raises ConfigurationError, with the nearest name, where there is none."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ConfigurationError(
        f"{setting}: there is none named {name!r}.", fix=f"{hint}known: {', '.join(sorted(known))}"
    )


def _exported(package: ModuleType, attribute: str) -> Iterator[object]:
    for module_info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(module_info.name)
        if hasattr(module, attribute):
            yield getattr(module, attribute)
