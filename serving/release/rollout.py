"""Moves labels on running servers and in their configuration file, each naming a loaded version.

TensorFlow Serving assigns a label only to a version that is available, and fails who asks for a label whose version
is gone. So versions are loaded first, then labels move, then versions that no label names are dropped.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from schema.errors import BreastImagingError
from serving.client.answers import State, VersionStatus
from serving.release.config_file import ConfigFile, model_in, with_versions
from serving.release.labels import Labels
from serving.release.server import ModelServer
from serving.wire import messages_pb2 as wire

_PAUSE: Final = 0.2  # seconds between looks at a version that is being loaded


class ReleaseError(BreastImagingError):
    """The labels were not moved."""


def roll_out(
    servers: Sequence[ModelServer], file: ConfigFile, model: str, move: Callable[[Labels], Labels], limit: float
) -> Labels:
    """Moves labels, and returns where they are now.

    Args:
        move: makes of the labels in the file those that are wanted.
        limit: seconds in which a version has to be loaded.

    Raises:
        ConfigurationError, ClientError: from the file, `move`, or a server that does not answer; nothing was touched.
        ReleaseError: a server or the file did not follow; what was before is back, or the error says where it is not.
    """
    before = file.read()
    labels = dict(model_in(before, model).version_labels)
    wanted = move(labels)
    after = with_versions(before, model, wanted, set(wanted.values()))
    rollouts = [_Rollout(server, model, before, limit) for server in servers]
    try:
        for rollout in rollouts:
            rollout.load(set(wanted.values()))
        for rollout in rollouts:
            rollout.label(wanted)
        for rollout in rollouts:
            rollout.take(after)
        file.replace(before, after)
    except BaseException as error:  # an interruption too
        _put_back(rollouts, error)
        raise
    return wanted


def _put_back(rollouts: Sequence["_Rollout"], error: BaseException) -> None:
    """Raises ReleaseError for an error that can be told, or where a server could not be put back."""
    stuck = []
    for rollout in rollouts:
        try:
            rollout.put_back()
        except BreastImagingError as second:
            stuck.append(f"{rollout.address} could not be put back: {second.what}")
    what, fix, reasons = _told(error)
    if stuck:
        raise ReleaseError(
            f"{what} The configuration file is as it was.",
            fix="start the servers named anew with the configuration file",
            reasons=[*reasons, *stuck],
        ) from error
    if isinstance(error, BreastImagingError):
        raise ReleaseError(f"{what} All is as it was before.", fix=fix, reasons=reasons) from error


def _told(error: BaseException) -> tuple[str, str, Sequence[str]]:
    if isinstance(error, BreastImagingError):
        return error.what, error.fix, error.reasons
    return "The release was interrupted.", "", ()


class _Rollout:
    """The way of one server from one configuration to another, and back."""

    def __init__(self, server: ModelServer, model: str, before: wire.ModelServerConfig, limit: float) -> None:
        self.address = server.address
        self._server = server
        self._model = model
        self._before = self._current = before
        self._limit = limit
        self._served = server.available()

    def load(self, versions: set[int]) -> None:
        """Loads versions beside those that are served, and waits for them."""
        known = self._server.versions()
        labels = model_in(self._current, self._model).version_labels
        self.take(with_versions(self._current, self._model, labels, self._served | versions | set(labels.values())))
        self._wait(versions, known)

    def label(self, labels: Labels) -> None:
        """Moves the labels; the versions stay."""
        versions = model_in(self._current, self._model).model_version_policy.specific.versions
        self.take(with_versions(self._current, self._model, labels, versions))

    def take(self, config: wire.ModelServerConfig) -> None:
        self._server.reload(config, self._limit)
        self._current = config

    def put_back(self) -> None:
        """What was loaded comes back under the labels of now, since a label needs its version; then all the rest."""
        if self._current is not self._before:
            self.load(set(model_in(self._before, self._model).version_labels.values()) | self._served)
        self.take(self._before)

    def _wait(self, versions: set[int], earlier: Mapping[int, VersionStatus]) -> None:
        """Args: earlier: what the server said before it was asked to load them, and may still say for a moment."""
        end = time.monotonic() + self._limit
        while True:
            known = self._server.versions()
            missing = {number for number in versions if not _is_available(known.get(number))}
            if not missing:
                return
            failed = [known[number] for number in sorted(missing) if number in known and known[number].error]
            if any(earlier.get(status.version) != status for status in failed) or time.monotonic() > end:
                raise self._not_loaded(missing, known)
            time.sleep(_PAUSE)

    def _not_loaded(self, missing: set[int], known: Mapping[int, VersionStatus]) -> ReleaseError:
        numbers = ", ".join(map(str, sorted(missing)))
        return ReleaseError(
            f"{self.address} has not loaded version {numbers} of {self._model}.",
            fix="see that the version's folder lies whole where the server looks; a large one may need more time",
            reasons=[_state_line(number, known.get(number)) for number in sorted(missing)],
        )


def _is_available(status: VersionStatus | None) -> bool:
    return status is not None and status.state is State.AVAILABLE


def _state_line(number: int, status: VersionStatus | None) -> str:
    if status is None:
        return f"version {number}: the server knows of none"
    return f"version {number}: {status.state}" + (f" ({status.error})" if status.error else "")
