"""One retraining, between what the launcher hands over and what it takes back."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.retraining import interface
from kubeflow.retraining.outputs import hand_over
from pipeline.cli.retrain import retrain
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.record import RetrainingRecord
from schema.errors import EXIT_PUBLISHED


def execute(message: str) -> int:
    """Does what `breast-imaging retrain` does.

    Args:
        message: an ExecutorInput as JSON.

    Returns 0 where a decision was reached, whatever it was: the launcher keeps nothing of a task that fails, and the
    page is of most use where a model was rejected. Else the exit code of the failure, with its message printed.
    Raises BreastImagingError before anything is done.
    """
    executor_input = json_format.Parse(message, pb.ExecutorInput(), ignore_unknown_fields=True)
    given = {name: value.string_value for name, value in executor_input.inputs.parameter_values.items()}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "configuration.yaml"
        config.write_text(given[interface.CONFIGURATION], "utf-8")
        return retrain(
            str(config),
            Path(given[interface.DATA_DIRECTORY]),
            Path(given[interface.OUTPUT_DIRECTORY]),
            overrides=[],
            debug=False,
            conclude=partial(_conclude, executor_input.outputs),
        )


def _conclude(outputs: Any, record: RetrainingRecord, folder: RetrainingFolder) -> int:
    hand_over(record, folder.page_file, outputs)
    return EXIT_PUBLISHED
