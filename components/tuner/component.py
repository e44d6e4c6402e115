"""TFX's Tuner with one more input: the features of a frozen backbone."""

from typing import Any

from tfx import types
from tfx.components.tuner import executor as tfx_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec
from tfx.utils import json_utils, name_utils

from components.artifacts import ImageFeatures
from components.settings import TunerSettings
from components.tuner import tuner_fn
from schema import contract


class Executor(tfx_executor.Executor):
    """TFX's executor, which also tells `tuner_fn` where the features are."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        custom_config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        features = input_dict.get(tuner_fn.FEATURES_KEY)
        if features:
            custom_config[tuner_fn.FEATURES_KEY] = artifact_utils.get_single_uri(features)
        changed = {standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(custom_config)}
        super().Do(input_dict, output_dict, {**exec_properties, **changed})


class TunerSpec(ComponentSpec):
    PARAMETERS = standard_component_specs.TunerSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.TunerSpec.INPUTS,
        tuner_fn.FEATURES_KEY: ChannelParameter(type=ImageFeatures, optional=True),
    }
    OUTPUTS = standard_component_specs.TunerSpec.OUTPUTS


class Tuner(base_component.BaseComponent):
    """Trains on `train` with many settings, and finds those that do best on `eval`."""

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        settings: TunerSettings,
        features: types.BaseChannel | None = None,
    ) -> None:
        """Args:
        examples: transformed.
        features: of the same examples; None where no backbone is frozen.
        """
        super().__init__(
            spec=TunerSpec(
                **{
                    standard_component_specs.EXAMPLES_KEY: examples,
                    tuner_fn.FEATURES_KEY: features,
                    standard_component_specs.TRAIN_ARGS_KEY: trainer_pb2.TrainArgs(splits=[contract.TRAIN]),
                    standard_component_specs.EVAL_ARGS_KEY: trainer_pb2.EvalArgs(splits=[contract.EVAL]),
                    standard_component_specs.TUNER_FN_KEY: name_utils.get_full_name(tuner_fn.tuner_fn),
                    standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(
                        {tuner_fn.SETTINGS_KEY: settings.model_dump_json()}
                    ),
                    standard_component_specs.BEST_HYPERPARAMETERS_KEY: channel.Channel(
                        type=standard_artifacts.HyperParameters
                    ),
                    standard_component_specs.TUNER_RESULTS_KEY: channel.Channel(type=standard_artifacts.TunerResults),
                }
            )
        )
