"""The component that ingests a folder of images."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import DatasetManifest
from components.image_example_gen.executor import (
    EXAMPLES_KEY,
    INPUT_BASE_KEY,
    MANIFEST_KEY,
    SETTINGS_KEY,
    SPANS_KEY,
    Executor,
)
from components.settings import DataSettings, SpanSettings

DATA_FINGERPRINT_KEY = "data_fingerprint"


class ImageExampleGenSpec(ComponentSpec):
    PARAMETERS = {
        INPUT_BASE_KEY: ExecutionParameter(type=str),
        SETTINGS_KEY: ExecutionParameter(type=str),
        DATA_FINGERPRINT_KEY: ExecutionParameter(type=str),
        SPANS_KEY: ExecutionParameter(type=str, optional=True),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {
        EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
    }


class ImageExampleGen(base_beam_component.BaseBeamComponent):
    """Reads a folder of images, splits it by group and writes tf.Examples.

    Outputs:
        examples: TFRecords of tf.Example (keys in `schema.contract`) in the splits train, eval and test.
            The same files and settings give the same bytes, however many Beam workers there are.
        manifest: every image with its label, group, split and checksum.
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        input_base: str | RuntimeParameter,
        settings: DataSettings,
        data_fingerprint: str | RuntimeParameter,
        spans: SpanSettings | None = None,
    ) -> None:
        """Args:
        input_base: the data folder.
        settings: with `labels` and `positive_label` filled in.
        data_fingerprint: changes whenever a file of the folder does, so that a cached result is never stale.
        spans: the folders of it that are read, where data come in spans; then a ledger decides the splits.
        """
        super().__init__(
            spec=ImageExampleGenSpec(
                **{
                    INPUT_BASE_KEY: input_base,
                    SETTINGS_KEY: settings.model_dump_json(),
                    DATA_FINGERPRINT_KEY: data_fingerprint,
                    SPANS_KEY: spans.model_dump_json() if spans else None,
                    EXAMPLES_KEY: channel.Channel(type=standard_artifacts.Examples),
                    MANIFEST_KEY: channel.Channel(type=DatasetManifest),
                }
            )
        )
