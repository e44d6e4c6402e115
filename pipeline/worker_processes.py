"""Beam's runner in this process, with workers in others."""

from apache_beam import Pipeline
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner
from apache_beam.runners.runner import PipelineResult


class ProcessRunner(FnApiRunner):
    """Tells its workers which modules to import first, which Beam's own runner keeps from them."""

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> PipelineResult:
        plugins = options.view_as(SetupOptions).beam_plugins or []
        self._provision_info = ExtendedProvisionInfo(
            beam_provision_api_pb2.ProvisionInfo(
                retrieval_token="unused",  # noqa: S106  as Beam's own runner has it: nothing is retrieved
                pipeline_options=dict_to_struct({"beam:option:beam_plugins:v1": plugins}),
            )
        )
        return super().run_pipeline(pipeline, options)
