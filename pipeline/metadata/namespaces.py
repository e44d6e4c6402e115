"""One namespace of a shared database is for one output folder: caches and baselines of two would mix."""

import socket
import uuid
from typing import Final

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from pipeline.output import OutputFolder
from schema.durable_files import replace_text
from schema.errors import ConfigurationError

CONTEXT_TYPE: Final = "breast_imaging.Namespace"
_OWNER: Final = "owner"
_FOLDER: Final = "folder"


def claim_namespace(store: mlmd.MetadataStore, namespace: str, output: OutputFolder) -> None:
    """Makes the namespace that of the output folder, where it is nobody's; who comes second is refused.

    Raises ConfigurationError where it is another folder's.
    """
    identity = _identity(output)
    owner = _owner(store, namespace) or _claim(store, namespace, identity, f"{socket.gethostname()}:{output.root}")
    if owner[_OWNER].string_value != identity:
        raise ConfigurationError(
            f"The namespace {namespace!r} in the metadata database is that of another output folder,"
            f" {owner[_FOLDER].string_value}.",
            fix="choose another one with metadata.namespace, or that folder with --output",
        )


def _claim(
    store: mlmd.MetadataStore, namespace: str, identity: str, folder: str
) -> dict[str, metadata_store_pb2.Value]:
    kind = store.put_context_type(metadata_store_pb2.ContextType(name=CONTEXT_TYPE))
    context = metadata_store_pb2.Context(type_id=kind, name=namespace)
    context.custom_properties[_OWNER].string_value = identity
    context.custom_properties[_FOLDER].string_value = folder
    try:
        store.put_contexts([context])
    except mlmd.errors.AlreadyExistsError:  # another run was faster
        return _owner(store, namespace)
    return dict(context.custom_properties)


def _owner(store: mlmd.MetadataStore, namespace: str) -> dict[str, metadata_store_pb2.Value]:
    """Properties of the claim; empty where there is none."""
    context = store.get_context_by_type_and_name(CONTEXT_TYPE, namespace)
    return {} if context is None else dict(context.custom_properties)


def _identity(output: OutputFolder) -> str:
    """Of the folder, wherever it is moved to. Its caller holds the folder."""
    if not output.identity.exists():
        replace_text(output.identity, uuid.uuid4().hex)
    return output.identity.read_text("utf-8")
