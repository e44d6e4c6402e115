"""What TFX's command line does with `--engine=kubeflow`.

Its own handler needs a module that TFX 1.21 no longer has. What --pipeline_path names is run, and compiles the
pipeline to the file that BREAST_IMAGING_OUTPUT names.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tfx.tools.cli import labels
from tfx.tools.cli.handler.base_handler import BaseHandler
from tfx.tools.cli.handler.kubeflow_v2_dag_runner_patcher import KubeflowV2DagRunnerPatcher

from kubeflow.client import runs
from kubeflow.client.arguments import typed_arguments
from kubeflow.client.compiled_file import CompiledFile, read_compiled_file
from kubeflow.client.connection import Connection, connect
from kubeflow.client.errors import ConflictError
from kubeflow.client.options import DEFAULT_DEADLINE, make_settings
from kubeflow.client.pipelines import (
    delete_pipeline,
    find_pipeline,
    get_pipeline,
    get_version,
    list_pipelines,
    upload,
)
from kubeflow.client.schedules import list_schedules
from schema.errors import ConfigurationError

OUTPUT_VARIABLE: Final = "BREAST_IMAGING_OUTPUT"
_COMPILED: Final = Path("pipeline.yaml")
_RUN_HEADINGS: Final = ("pipeline_name", "run_id", "status", "created_at", "link")


class KubeflowHandler(BaseHandler):
    """TFX's commands for pipelines and runs, through the client of `breast-imaging kubeflow`."""

    def compile_pipeline(self) -> None:
        with _output(_COMPILED):
            compiled = self._compile()
        print(f'Pipeline "{compiled.name}" compiled successfully.\nPipeline package path: {compiled.path.resolve()}')

    def create_pipeline(self) -> None:
        self._refuse_image_build()
        with tempfile.TemporaryDirectory() as folder, _output(Path(folder) / _COMPILED):
            compiled = self._compile()
            with self._connect() as connection:
                if find_pipeline(connection, compiled.name):
                    raise ConflictError(
                        f'Pipeline "{compiled.name}" already exists.', fix="use `pipeline update` for a new version"
                    )
                version, _ = upload(connection, compiled, compiled.name, compiled.name)
                runs.experiment_id(connection, compiled.name)
        print(f'Pipeline "{compiled.name}" created successfully, version {version.display_name}.')

    def update_pipeline(self) -> None:
        self._refuse_image_build()
        with tempfile.TemporaryDirectory() as folder, _output(Path(folder) / _COMPILED):
            compiled = self._compile()
            with self._connect() as connection:
                get_pipeline(connection, compiled.name)
                version, new = upload(connection, compiled, compiled.name, compiled.name)
        print(
            f'Pipeline "{compiled.name}" {"updated successfully" if new else "is up to date"}, '
            f"version {version.display_name}."
        )

    def list_pipelines(self) -> None:
        with self._connect() as connection:
            rows = [
                (each.display_name, each.pipeline_id, str(each.created_at)) for each in list_pipelines(connection)
            ]
        print(self._format_table(("pipeline_name", "pipeline_id", "created_at"), rows))

    def delete_pipeline(self) -> None:
        name = self.flags_dict[labels.PIPELINE_NAME]
        with self._connect() as connection:
            pipeline = get_pipeline(connection, name)
            if users := sorted(_schedules_of(connection, pipeline.pipeline_id)):
                raise ConflictError(
                    f'Pipeline "{name}" is what the schedule {", ".join(users)} runs.',
                    fix=f"end it with `breast-imaging kubeflow unschedule {users[0]}`, or let it run another one",
                )
            delete_pipeline(connection, pipeline)
        print(f'Pipeline "{name}" deleted successfully.')

    def get_schema(self) -> None:
        raise ConfigurationError(
            "The schema of a pipeline on Kubeflow is not read from the cluster.",
            fix="it is schema/schema.pbtxt of the code in its image",
        )

    def create_run(self) -> None:
        name = self.flags_dict[labels.PIPELINE_NAME]
        with self._connect() as connection:
            version = get_version(connection, get_pipeline(connection, name), None)
            run = runs.start_run(
                connection,
                name,
                f"{name} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
                runs.UploadedPipeline(version.pipeline_id, version.pipeline_version_id),
                typed_arguments(version.pipeline_spec or {}, self.flags_dict[labels.RUNTIME_PARAMETER]),
            )
            print(f"Run created for pipeline: {name}")
            self._print_runs(connection, [run])

    def list_runs(self) -> None:
        name = self.flags_dict[labels.PIPELINE_NAME]
        with self._connect() as connection:
            get_pipeline(connection, name)
            self._print_runs(connection, list(runs.list_runs(connection, name)))

    def get_run(self) -> None:
        with self._connect() as connection:
            self._print_runs(connection, [runs.get_run(connection, self.flags_dict[labels.RUN_ID])])

    def terminate_run(self) -> None:
        with self._connect() as connection:
            runs.terminate_run(connection, self.flags_dict[labels.RUN_ID])
        print("Run terminated.")

    def delete_run(self) -> None:
        with self._connect() as connection:
            runs.delete_run(connection, self.flags_dict[labels.RUN_ID])
        print("Run deleted.")

    def _connect(self) -> AbstractContextManager[Connection]:
        """To the server that the flags name, else the environment. TFX has no flags for the rest."""
        if self.flags_dict.get(labels.IAP_CLIENT_ID):
            raise ConfigurationError(
                "--iap-client-id is not supported.", fix="put a bearer token in BREAST_IMAGING_KUBEFLOW_TOKEN"
            )
        token_file = os.environ.get("BREAST_IMAGING_KUBEFLOW_TOKEN_FILE")
        authorities = os.environ.get("BREAST_IMAGING_KUBEFLOW_TLS_CA")
        return connect(
            make_settings(
                endpoint=self.flags_dict[labels.ENDPOINT],
                port_forward=False,
                server_namespace=self.flags_dict[labels.NAMESPACE],
                kube_context=None,
                namespace=os.environ.get("BREAST_IMAGING_KUBEFLOW_NAMESPACE", ""),
                token_file=Path(token_file) if token_file else None,
                tls_ca=Path(authorities) if authorities else None,
                deadline=DEFAULT_DEADLINE,
            )
        )

    def _refuse_image_build(self) -> None:
        if self.flags_dict.get(labels.BUILD_IMAGE):
            raise ConfigurationError(
                "--build-image is not supported.", fix="build the image by itself, and compile with its digest"
            )

    def _compile(self) -> CompiledFile:
        """Runs the file that --pipeline_path names, and reads what it has written."""
        self.execute_dsl(KubeflowV2DagRunnerPatcher(call_real_run=True))
        return read_compiled_file(Path(os.environ[OUTPUT_VARIABLE]))

    def _print_runs(self, connection: Connection, found: list[Any]) -> None:
        rows = [
            (
                self.flags_dict.get(labels.PIPELINE_NAME) or run.display_name,
                run.run_id,
                run.state or "",
                str(run.created_at),
                connection.link("runs", run.run_id),
            )
            for run in found
        ]
        print(self._format_table(_RUN_HEADINGS, rows))


@contextmanager
def _output(default: Path) -> Iterator[None]:
    """Names the file to compile to, unless the environment does."""
    if OUTPUT_VARIABLE in os.environ:
        yield
        return
    os.environ[OUTPUT_VARIABLE] = str(default)
    try:
        yield
    finally:
        del os.environ[OUTPUT_VARIABLE]


def _schedules_of(connection: Connection, pipeline_id: str) -> Iterator[str]:
    for each in list_schedules(connection):
        reference = each.pipeline_version_reference
        if reference and reference.pipeline_id == pipeline_id:
            yield each.display_name
