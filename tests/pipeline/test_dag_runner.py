"""Where Beam runs is no part of what a step is cached by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx import v1 as tfx
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.orchestration import metadata
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import BeamSettings, LocalBeam, MultiprocessBeam
from pipeline.dag_runner import DagRunner

RAN = "ran.txt"


class _Executor(base_beam_executor.BaseBeamExecutor):
    """Notes the arguments that it has for Beam."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        with Path(exec_properties["folder"], RAN).open("a") as file:
            file.write(" ".join(self._beam_pipeline_args) + "\n")


class _Spec(ComponentSpec):
    PARAMETERS = {"folder": ExecutionParameter(type=str), "settings": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"model": ChannelParameter(type=tfx.types.standard_artifacts.Model)}


class _Component(base_beam_component.BaseBeamComponent):
    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(_Executor)


def run(folder: Path, beam: BeamSettings, settings: str = "as they were") -> Sequence[Any]:
    """Runs a graph of one Beam component, and returns the executions that there have been."""
    model = tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model)
    component = _Component(spec=_Spec(folder=str(folder), settings=settings, model=model))
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    DagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="test",
            pipeline_root=str(folder / "root"),
            components=[component],
            metadata_connection_config=connection,
            beam_pipeline_args=beam_arguments(beam),
            enable_cache=True,
        )
    )
    with metadata.Metadata(connection) as handle:
        return list(handle.store.get_executions())


def runs(folder: Path) -> list[str]:
    return (folder / RAN).read_text().splitlines()


def test_a_step_gets_the_arguments_of_beam(tmp_path: Path) -> None:
    run(tmp_path, LocalBeam(workers=3))

    [arguments] = runs(tmp_path)
    assert arguments.startswith(" ".join(beam_arguments(LocalBeam(workers=3))))


def test_another_engine_takes_results_from_the_cache(tmp_path: Path) -> None:
    run(tmp_path, LocalBeam(workers=1))
    run(tmp_path, LocalBeam(workers=2))
    executions = run(tmp_path, MultiprocessBeam(workers=2))

    assert len(runs(tmp_path)) == 1
    states = [type(execution).State.Name(execution.last_known_state) for execution in executions]
    assert sorted(states) == ["CACHED", "CACHED", "COMPLETE"]


def test_other_settings_do_not(tmp_path: Path) -> None:
    run(tmp_path, LocalBeam(workers=1))
    run(tmp_path, LocalBeam(workers=1), "others")

    assert len(runs(tmp_path)) == 2
