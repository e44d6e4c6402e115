"""Whether the model can be asked, and if not, why."""

from collections.abc import Sequence
from dataclasses import dataclass

from schema.errors import BreastImagingError
from serving.client import Client, NotAvailableError, State, VersionStatus


@dataclass(frozen=True)
class Ready:
    """Attributes: versions: that are loaded, ascending; at least one."""

    versions: tuple[int, ...]


@dataclass(frozen=True)
class NotReady:
    """Attributes: error: what stands in the way."""

    error: BreastImagingError


Standing = Ready | NotReady


def find_standing(client: Client, model: str) -> Standing:
    """Asks the server once. Args: model: its name, for the message."""
    try:
        versions = client.status()
    except BreastImagingError as error:
        return NotReady(error)
    loaded = tuple(each.version for each in versions if each.state is State.AVAILABLE)
    return Ready(loaded) if loaded else NotReady(_not_loaded(model, versions))


def describe(standing: Standing, model: str, address: str) -> str:
    """One line for the terminal."""
    if isinstance(standing, NotReady):
        return f"{standing.error.what} The page says so, and can ask again."
    versions = ", ".join(map(str, standing.versions))
    return f"{model} at {address} is loaded: version {versions}."


def _not_loaded(model: str, versions: Sequence[VersionStatus]) -> NotAvailableError:
    return NotAvailableError(
        f"The server has no version of {model} that is loaded.",
        fix="wait a moment where one is loading; otherwise see the server's log",
        reasons=[
            f"version {each.version}: {each.state}{f' ({each.error})' if each.error else ''}" for each in versions
        ],
    )
