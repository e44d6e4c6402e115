"""ML Metadata in tests."""

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb


def memory_store() -> mlmd.MetadataStore:
    connection = pb.ConnectionConfig()
    connection.fake_database.SetInParent()
    return mlmd.MetadataStore(connection)


def put_in_pipeline(
    store: mlmd.MetadataStore, pipeline: str, artifacts: Sequence[int] = (), executions: Sequence[int] = ()
) -> None:
    """As TFX does: all that a pipeline makes is in the context of its name."""
    kind = store.put_context_type(pb.ContextType(name="pipeline"))
    known = store.get_context_by_type_and_name("pipeline", pipeline)
    context = known.id if known else store.put_contexts([pb.Context(type_id=kind, name=pipeline)])[0]
    store.put_attributions_and_associations(
        [pb.Attribution(context_id=context, artifact_id=artifact) for artifact in artifacts],
        [pb.Association(context_id=context, execution_id=execution) for execution in executions],
    )
