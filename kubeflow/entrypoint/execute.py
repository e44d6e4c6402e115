"""Runs one executor: TFX's entrypoint between what the launcher hands over and what it takes back."""

import argparse
import sys
import traceback
from collections.abc import Sequence

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

from kubeflow.entrypoint import artifact_types, inputs, outputs
from pipeline.failures import explain
from schema.errors import BreastImagingError


def execute(argv: Sequence[str]) -> int:
    """Runs the executor that the arguments name.

    Returns:
        0, or the exit code of the failure, whose message then ends the log. A failure that is not one of
        ours comes with its traceback.
    """
    arguments, beam_arguments = _parse(argv)
    try:
        _execute(arguments, beam_arguments)
    except Exception as error:  # noqa: BLE001  the log is all that is left of a pod
        failure = explain(error)
        if type(failure) is BreastImagingError:
            traceback.print_exception(error)
        print(f"\n{failure}", file=sys.stderr, flush=True)
        return failure.exit_code
    return 0


def _parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments of TFX's compiler, and all others, which are Beam's."""
    parser = argparse.ArgumentParser(prog="python -m kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", required=True)
    return parser.parse_known_args(argv)


def _execute(arguments: argparse.Namespace, beam_arguments: list[str]) -> None:
    message = json_format.Parse(
        arguments.json_serialized_invocation_args, pb.ExecutorInput(), ignore_unknown_fields=True
    )
    spec = json_format.Parse(
        arguments.json_serialized_inputs_spec_args, pb.ComponentInputsSpec(), ignore_unknown_fields=True
    )
    artifact_types.register()
    inputs.check_spans(message.inputs)
    inputs.fill_types(message.inputs, spec)
    inputs.unwrap_metadata(message.inputs)
    inputs.localise(message.inputs)
    inputs.drop_empty(message.inputs)
    given = outputs.localise(message.outputs)
    outputs.make_folders(message.outputs)
    arguments.json_serialized_invocation_args = json_format.MessageToJson(message)
    kubeflow_v2_run_executor.main((arguments, beam_arguments))
    outputs.hand_back(message.outputs, given)
