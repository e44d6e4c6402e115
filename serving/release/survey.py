"""What a server serves, beside what its configuration file says."""

from dataclasses import dataclass

from serving.release.config_file import model_in
from serving.release.labels import CANARY, PREVIOUS, STABLE
from serving.release.server import ModelServer
from serving.wire import messages_pb2 as wire


@dataclass(frozen=True)
class SurveyedVersion:
    """A version that a server knows, or that a label names.

    Attributes:
        state: as the server says it, with the reason where it could not be loaded; empty where it knows of none.
        labels: that the server answers to with this version.
        labels_in_file: that the configuration file gives it.
    """

    version: int
    state: str
    labels: tuple[str, ...]
    labels_in_file: tuple[str, ...]

    @property
    def in_step(self) -> bool:
        return self.labels == self.labels_in_file


def survey(server: ModelServer, config: wire.ModelServerConfig, model: str) -> list[SurveyedVersion]:
    """Descending by version. Raises ConfigurationError where the file lacks the model, ClientError as servers do."""
    in_file = dict(model_in(config, model).version_labels)
    names = sorted({*in_file, STABLE, CANARY, PREVIOUS})
    on_server = {name: server.labelled(name) for name in names}
    known = server.versions()
    return [
        SurveyedVersion(
            version=version,
            state=" ".join(filter(None, [known[version].state, known[version].error])) if version in known else "",
            labels=tuple(name for name in names if on_server[name] == version),
            labels_in_file=tuple(name for name in names if in_file.get(name) == version),
        )
        for version in sorted({*known, *in_file.values()}, reverse=True)
    ]
