"""Reads the states of versions out of what a server answers."""

from serving.client.answers import State, VersionStatus
from serving.wire import messages_pb2 as wire


def read_status(response: wire.GetModelStatusResponse) -> tuple[VersionStatus, ...]:
    """The versions, ascending."""
    return tuple(
        VersionStatus(each.version, _state(each.state), _error_text(each.status))
        for each in sorted(response.model_version_status, key=lambda each: each.version)
    )


def _state(number: int) -> State:
    names = wire.ModelVersionStatus.State
    return State[names.Name(number)] if number in names.values() else State.UNKNOWN


def _error_text(status: wire.StatusProto) -> str:
    if status.error_code == wire.OK:
        return ""
    return status.error_message or f"error {status.error_code}"
