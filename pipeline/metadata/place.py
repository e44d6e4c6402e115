"""Where the metadata of an output folder are, and under which names."""

from dataclasses import dataclass

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration import metadata

from pipeline.graph import PIPELINE_NAME
from pipeline.metadata import mysql
from pipeline.metadata.settings import MetadataSettings
from pipeline.output import OutputFolder


@dataclass(frozen=True)
class MetadataPlace:
    """Attributes: namespace: of the output folder in a database of several; empty where it has one of its own."""

    connection: metadata_store_pb2.ConnectionConfig
    namespace: str = ""

    @property
    def pipeline_name(self) -> str:
        """TFX's cache and resolvers look at the runs of pipelines of this name alone."""
        return self.qualify(PIPELINE_NAME)

    def qualify(self, name: str) -> str:
        """The name, with what tells it from that of other namespaces."""
        return f"{name}.{self.namespace}" if self.namespace else name

    def open(self) -> metadata.Metadata:
        return metadata.Metadata(self.connection)


def metadata_place(settings: MetadataSettings, output: OutputFolder) -> MetadataPlace:
    """Asks no server."""
    if settings.backend == "mysql":
        return MetadataPlace(mysql.connection_config(settings), settings.namespace)
    return MetadataPlace(metadata.sqlite_metadata_connection_config(str(output.metadata)))


def latest_outputs(
    store: mlmd.MetadataStore, pipeline_name: str, component: type[BaseComponent]
) -> list[metadata_store_pb2.Artifact]:
    """Those of the component's latest execution, cached ones too; none where it has not run."""
    name = f"{component.__module__}.{component.__qualname__}"
    latest = mlmd.ListOptions(
        limit=1,
        order_by=mlmd.OrderByField.ID,
        is_asc=False,
        filter_query=f"type = '{name}' AND {of_pipeline(pipeline_name)}",
    )
    executions = store.get_executions(latest)
    events = store.get_events_by_execution_ids([execution.id for execution in executions])
    outputs = [event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
    return list(store.get_artifacts_by_id(outputs))


def of_pipeline(pipeline_name: str) -> str:
    """What a query of ML Metadata adds to find what belongs to the pipeline."""
    return f"contexts_p.type = 'pipeline' AND contexts_p.name = '{pipeline_name}'"
