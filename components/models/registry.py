"""The architectures by name."""

from functools import cache

from components import models
from components.models.spec import ModelSpec
from components.registry import choose, discover


@cache
def all_models() -> dict[str, ModelSpec]:
    return discover(models, "MODEL", ModelSpec)


def get_model(name: str) -> ModelSpec:
    """Raises ConfigurationError where there is no architecture of that name."""
    return choose(all_models(), name, "model.architecture")
