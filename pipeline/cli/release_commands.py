"""What `breast-imaging release` does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schema.errors import EXIT_FAILED
from serving.client import Tls
from serving.release.config_file import ConfigFile
from serving.release.labels import Labels, promoted, rolled_back, with_canary
from serving.release.rollout import roll_out
from serving.release.server import ModelServer
from serving.release.survey import SurveyedVersion, survey


@dataclass(frozen=True)
class Target:
    """What is released to. Attributes: deadline: seconds in which a call ends."""

    addresses: Sequence[str]
    file: Path
    model_name: str
    deadline: float
    tls: Tls | None

    @contextmanager
    def servers(self) -> Iterator[list[ModelServer]]:
        with ExitStack() as stack:
            yield [
                stack.enter_context(ModelServer(address, self.model_name, self.deadline, self.tls))
                for address in self.addresses
            ]


def list_command(target: Target) -> int:
    """Prints the versions of each server. Returns the exit code. Raises BreastImagingError as `survey` does."""
    config = ConfigFile(target.file).read()
    console = Console()
    in_step = True
    with target.servers() as servers:
        for server in servers:
            versions = survey(server, config, target.model_name)
            console.print(_table(f"{target.model_name} at {server.address}", versions))
            in_step = in_step and all(version.in_step for version in versions)
    if in_step:
        return 0
    console.print("Servers and file differ. The file counts when a server is started anew.")
    return EXIT_FAILED


def canary_command(target: Target, version: int, wait: float) -> None:
    """Raises BreastImagingError as `roll_out` does; so do the others."""
    _move(target, lambda labels: with_canary(labels, version), wait)


def promote_command(target: Target, version: int | None, wait: float) -> None:
    _move(target, lambda labels: promoted(labels, version), wait)


def rollback_command(target: Target, wait: float) -> None:
    _move(target, rolled_back, wait)


def _move(target: Target, move: Callable[[Labels], Labels], wait: float) -> None:
    with target.servers() as servers, Console(stderr=True).status("Loading, then moving the labels"):
        labels = roll_out(servers, ConfigFile(target.file), target.model_name, move, wait)
    for name, version in sorted(labels.items()):
        Console().print(f"{name}: {version}", highlight=False, markup=False)


def _table(title: str, versions: Sequence[SurveyedVersion]) -> Table:
    table = Table(title=escape(title), box=box.SIMPLE, title_justify="left")
    table.add_column("version", justify="right")
    for heading in ("state", "labels", "labels in the file"):
        table.add_column(heading, overflow="fold")
    for each in versions:
        labels = (", ".join(each.labels), ", ".join(each.labels_in_file))
        table.add_row(str(each.version), *map(escape, (each.state or "not known to the server", *labels)))
    return table
