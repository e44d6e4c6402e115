"""The component that accepts or refuses a span of new data."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import DataGateReport, DatasetManifest, SpanVerdict
from components.settings import SpanGateSettings, SpanSettings
from components.span_gate.executor import (
    DATA_GATE_KEY,
    EXAMPLES_KEY,
    MANIFEST_KEY,
    MODEL_KEY,
    SETTINGS_KEY,
    SPANS_KEY,
    VERDICT_KEY,
    Executor,
)


class SpanGateSpec(ComponentSpec):
    PARAMETERS = {
        SETTINGS_KEY: ExecutionParameter(type=str),
        SPANS_KEY: ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
        DATA_GATE_KEY: ChannelParameter(type=DataGateReport),
        MODEL_KEY: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {VERDICT_KEY: ChannelParameter(type=SpanVerdict)}


class SpanGate(base_component.BaseComponent):
    """Judges a span that the data gate has passed: drift, contradictions to earlier spans, wrong labels.

    It fails no run. Who runs it reads the verdict, and adds the span to the ledger, or does not.
    """

    SPEC_CLASS = SpanGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        manifest: types.BaseChannel,
        data_gate: types.BaseChannel,
        model: types.BaseChannel | None,
        settings: SpanGateSettings,
        spans: SpanSettings,
    ) -> None:
        """Args:
        examples: of the span.
        model: the published one, with its card; None where there is none.
        """
        inputs = {
            EXAMPLES_KEY: examples,
            MANIFEST_KEY: manifest,
            DATA_GATE_KEY: data_gate,
            **({MODEL_KEY: model} if model else {}),
        }
        super().__init__(
            spec=SpanGateSpec(
                **inputs,
                **{
                    SETTINGS_KEY: settings.model_dump_json(),
                    SPANS_KEY: spans.model_dump_json(),
                    VERDICT_KEY: channel.Channel(type=SpanVerdict),
                },
            )
        )
