"""Compiles retraining to a pipeline of one task, for a recurring run of Kubeflow Pipelines.

One task and not one for each step: what a retraining does depends on what it finds, and the ledger, ML Metadata and
the cache that let it carry on after a crash belong to one output folder, which is the volume of the history.
"""

from pathlib import Path
from typing import Final

from kfp import dsl
from kfp.pipeline_spec import pipeline_spec_pb2
from pydantic import ValidationError

from kubeflow.image_name import check_image
from kubeflow.kubernetes import platform_spec
from kubeflow.names import executor_name, task_name
from kubeflow.package import Package
from kubeflow.retraining.interface import DATA_DIRECTORY
from kubeflow.tasks import beam_of, set_policies, update_container
from kubeflow.validation import check_pipeline
from pipeline.config import Config
from pipeline.kubeflow_settings import RETRAINING, KubeflowSettings
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError

PIPELINE_NAME: Final = "breast-imaging-retraining"
COMMAND: Final = ("python", "-m", "kubeflow.retraining")
_DATA_DESCRIPTION: Final = "Folder of spans, as the containers see it."


def compile_retraining(config: Config, image: str) -> Package:
    """The pipeline that retrains by a configuration. The same configuration, image and code give the same package.

    Raises ConfigurationError where the name of the image does not always mean the same one, or where the models or
    the history have no volume.
    """
    check_image(image)
    settings = _with_models_in_output(config.kubeflow)
    spec = _write(config, image)
    spec.default_pipeline_root = settings.pipeline_root
    set_policies(spec.root.dag.tasks[task_name(RETRAINING)], settings.retry, RETRAINING)
    update_container(spec, settings, RETRAINING)
    check_pipeline(spec)
    return Package(spec, platform_spec(settings, {RETRAINING: executor_name(RETRAINING)}))


def _with_models_in_output(settings: KubeflowSettings) -> KubeflowSettings:
    """The claim of the models is mounted where `retrain` publishes, in its output folder.

    So a version is staged and renamed on the file system that the servers watch.
    """
    for name, folder in (("serving", settings.serving), ("history", settings.history)):
        if not folder.claim:
            raise ConfigurationError(
                f"kubeflow.{name}: retraining keeps its {name} folder on a volume, and no claim is named.",
                fix=f"name the PersistentVolumeClaim: --set kubeflow.{name}.claim=NAME, and a path for its mount",
            )
    models = OutputFolder(Path(settings.history.path)).serving
    try:
        return KubeflowSettings.model_validate(
            settings.model_dump() | {"serving": {"path": str(models), "claim": settings.serving.claim}}
        )
    except ValidationError as error:
        raise ConfigurationError(
            f"The models cannot be mounted at {models}, where retraining publishes them.",
            reasons=[details["msg"] for details in error.errors()],
            fix="mount nothing else there: see kubeflow.volumes and kubeflow.secret_files",
        ) from error


def _write(config: Config, image: str) -> pipeline_spec_pb2.PipelineSpec:
    """As kfp's own compiler does it."""
    configuration = config.model_copy(update={"beam": beam_of(config, RETRAINING)}).to_yaml()

    @dsl.container_component
    def retraining(
        configuration: str,
        data_directory: str,
        output_directory: str,
        history: dsl.Output[dsl.HTML],
        metrics: dsl.Output[dsl.Metrics],
    ) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image, command=list(COMMAND), args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
        )

    @dsl.pipeline(name=PIPELINE_NAME)
    def pipeline(data_directory: str = config.kubeflow.data.path) -> None:
        retraining(
            configuration=configuration,
            data_directory=data_directory,
            output_directory=config.kubeflow.history.path,
        )

    spec = pipeline_spec_pb2.PipelineSpec()
    spec.CopyFrom(pipeline.pipeline_spec)
    spec.root.input_definitions.parameters[DATA_DIRECTORY].description = _DATA_DESCRIPTION
    return spec
