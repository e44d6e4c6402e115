"""Options that several commands have in common, as one argument of each."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


def shares_options(make: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of commands whose first argument is what `make` returns: instead of it they have its options.

    Typer has no groups of options, and goes by the signature. In the help they follow the command's own.
    """
    shared = inspect.signature(make).parameters

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command).parameters.values())[1:]

        @functools.wraps(command)
        def decorated(**given: Any) -> None:
            made = make(**{name: given.pop(name) for name in shared})
            command(made, **given)

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared.values())]
        decorated.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        decorated.__annotations__ = {each.name: each.annotation for each in parameters}
        return decorated

    return decorate
