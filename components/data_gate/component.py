"""The component that fails the run where ExampleValidator only takes notes."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import DataGateReport, DatasetManifest
from components.data_gate.executor import (
    ANOMALIES_KEY,
    MANIFEST_KEY,
    PREVIOUS_KEY,
    REPORT_KEY,
    SETTINGS_KEY,
    SPANS_KEY,
    Executor,
)
from components.settings import DataSettings, SpanSettings


class DataGateSpec(ComponentSpec):
    PARAMETERS = {
        SETTINGS_KEY: ExecutionParameter(type=str),
        SPANS_KEY: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        ANOMALIES_KEY: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
        PREVIOUS_KEY: ChannelParameter(type=DataGateReport, optional=True),
    }
    OUTPUTS = {REPORT_KEY: ChannelParameter(type=DataGateReport)}


class DataGate(base_component.BaseComponent):
    """Fails the run on data that are broken or that leak; `data.checks` says what is done about each fault.

    Whatever must not see refused data has to depend on it.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        anomalies: types.BaseChannel,
        manifest: types.BaseChannel,
        previous: types.BaseChannel,
        settings: DataSettings,
        spans: SpanSettings | None = None,
    ) -> None:
        """Args:
        previous: the report on the last accepted data; may be empty.
        settings: with `labels` filled in.
        spans: where data come in spans, which are then compared with those that the ledger holds.
        """
        super().__init__(
            spec=DataGateSpec(
                **{
                    ANOMALIES_KEY: anomalies,
                    MANIFEST_KEY: manifest,
                    PREVIOUS_KEY: previous,
                    SETTINGS_KEY: settings.model_dump_json(),
                    SPANS_KEY: spans.model_dump_json() if spans else None,
                    REPORT_KEY: channel.Channel(type=DataGateReport),
                }
            )
        )
