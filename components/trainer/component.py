"""TFX's Trainer with one more input: the features of a frozen backbone."""

from typing import Any

from tfx import types
from tfx.components.trainer import executor as tfx_executor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec
from tfx.utils import json_utils, name_utils

from components.artifacts import ImageFeatures
from components.settings import TrainerSettings
from components.trainer import run_fn
from components.trainer.checkpoints import checkpoint_folder
from schema import contract


class Executor(tfx_executor.GenericExecutor):
    """TFX's executor, which also tells `run_fn` where the features are, and where to keep the state of training."""

    def _GetFnArgs(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        arguments = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        features = input_dict.get(run_fn.FEATURES_KEY)
        if features:
            arguments.custom_config[run_fn.FEATURES_KEY] = artifact_utils.get_single_uri(features)
        arguments.custom_config[run_fn.CHECKPOINTS_KEY] = checkpoint_folder(
            arguments.model_run_dir, input_dict, exec_properties
        )
        return arguments


class TrainerSpec(ComponentSpec):
    PARAMETERS = standard_component_specs.TrainerSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        run_fn.FEATURES_KEY: ChannelParameter(type=ImageFeatures, optional=True),
    }
    OUTPUTS = standard_component_specs.TrainerSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.TrainerSpec.TYPE_ANNOTATION


class Trainer(base_component.BaseComponent):
    """Trains on `train`, judges on `eval`, and exports the model."""

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        settings: TrainerSettings,
        features: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
    ) -> None:
        """Args:
        examples: transformed.
        features: of the same examples; None where no backbone is frozen.
        base_model: whose weights the training starts from; None, or an empty channel, for a fresh start.
        hyperparameters: the Tuner's, which replace their like in the settings; None where nothing is tuned.
        """
        super().__init__(
            spec=TrainerSpec(
                **{
                    standard_component_specs.EXAMPLES_KEY: examples,
                    standard_component_specs.TRANSFORM_GRAPH_KEY: transform_graph,
                    run_fn.FEATURES_KEY: features,
                    standard_component_specs.HYPERPARAMETERS_KEY: hyperparameters,
                    standard_component_specs.BASE_MODEL_KEY: base_model,
                    standard_component_specs.TRAIN_ARGS_KEY: trainer_pb2.TrainArgs(splits=[contract.TRAIN]),
                    standard_component_specs.EVAL_ARGS_KEY: trainer_pb2.EvalArgs(splits=[contract.EVAL]),
                    standard_component_specs.RUN_FN_KEY: name_utils.get_full_name(run_fn.run_fn),
                    standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(
                        {run_fn.SETTINGS_KEY: settings.model_dump_json()}
                    ),
                    standard_component_specs.MODEL_KEY: channel.Channel(type=standard_artifacts.Model),
                    standard_component_specs.MODEL_RUN_KEY: channel.Channel(type=standard_artifacts.ModelRun),
                }
            )
        )
