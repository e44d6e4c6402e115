"""TFX's runner of a graph on one machine, but for what its cache knows of Beam.

TFX takes Beam's arguments for a part of what a step does, so that another number of workers, or another engine, would
run each step again and train anew. Here they say where a step runs, and where it runs does not change its results.
"""

import datetime
from collections.abc import Callable
from typing import Any

from absl import logging
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import beam_executor_operator, launcher, runtime_parameter_utils
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2
from tfx.utils import telemetry_utils

from pipeline.interruptible import InterruptiblePipeline


class DagRunner(LocalDagRunner):
    """Runs the components one after another, in this process."""

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None
    ) -> None:
        """As TFX does it. Raises ValueError for a partial run, which nothing here asks for."""
        if run_options is not None:
            raise ValueError("a graph is run as a whole; what has not changed is taken from the cache")
        parameters = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, parameters)
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        with telemetry_utils.scoped_labels({telemetry_utils.LABEL_TFX_RUNNER: "local"}):
            for node in pipeline.nodes:
                name = node.pipeline_node.node_info.id
                # The listener hears these two.
                logging.info("Component %s is running.", name)
                _launcher(pipeline, node.pipeline_node, deployment).launch()
                logging.info("Component %s is finished.", name)


class _BeamOperator(beam_executor_operator.BeamExecutorOperator):
    """Has Beam's arguments from the configuration of the platform, which is no part of the cache key."""

    def __init__(self, executor_spec: Any, platform_config: Any) -> None:
        super().__init__(platform_config)

    def run_executor(self, execution_info: Any, make_beam_pipeline_fn: Callable[[], Any] | None = None) -> Any:
        return super().run_executor(execution_info, make_beam_pipeline_fn or self._make_pipeline)

    def _make_pipeline(self) -> InterruptiblePipeline:
        return InterruptiblePipeline(argv=self.beam_pipeline_args)  # resolved when the executor was made


def _launcher(pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, deployment: Any) -> launcher.Launcher:
    connection = deployment.metadata_connection_config
    executor_spec = runner_utils.extract_executor_spec(deployment, node.node_info.id)
    return launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(getattr(connection, connection.WhichOneof("connection_config"))),
        pipeline_info=pipeline.pipeline_info,
        pipeline_runtime_spec=pipeline.runtime_spec,
        executor_spec=_without_beam(executor_spec),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node.node_info.id),
        platform_config=executor_spec,
        custom_executor_operators={executable_spec_pb2.BeamExecutableSpec: _BeamOperator},
    )


def _without_beam(executor_spec: Any) -> Any:
    """The same but for Beam's arguments, for the cache key."""
    if not isinstance(executor_spec, executable_spec_pb2.BeamExecutableSpec):
        return executor_spec
    return executable_spec_pb2.BeamExecutableSpec(python_executor_spec=executor_spec.python_executor_spec)
