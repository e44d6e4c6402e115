"""What the Kubeflow Pipelines UI shows of a retraining: the history page and the figures of the record."""

import shutil
from pathlib import Path
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.entrypoint.outputs import write_outputs
from kubeflow.object_uris import local_path
from kubeflow.retraining.interface import HISTORY, METRICS
from pipeline.retraining.record import RetrainingRecord


def hand_over(record: RetrainingRecord, page: Path, outputs: Any) -> None:
    """Puts the outputs where the launcher looks for them.

    Args:
        page: the history. Where it could not be written, of which the log tells, there is none to show.
        outputs: an ExecutorInput.Outputs.
    """
    if page.exists():
        shutil.copyfile(page, local_path(outputs.artifacts[HISTORY].artifacts[0].uri))
    written = pb.ExecutorOutput()
    for name, found in outputs.artifacts.items():
        written.artifacts[name].CopyFrom(found)
    written.artifacts[METRICS].artifacts[0].metadata.update(metrics(record))
    write_outputs(written, Path(outputs.output_file))


def metrics(record: RetrainingRecord) -> dict[str, float | str]:
    """By name; what is not defined is absent, as the launcher fails on nulls."""
    found: dict[str, float | str | None] = {
        "action": record.action,
        "retraining": record.number,
        "published_version": record.published_version,
        "model_age_days": record.model_age_days,
        "spans_new": len(record.spans_new),
        "spans_refused": len(record.spans_refused),
        **record.figures,
        **{f"incumbent_{name}": value for name, value in record.incumbent_figures.items()},
        **{f"{split}_images": number for split, number in record.images.items()},
        **{f"{split}_patients": number for split, number in record.patients.items()},
    }
    return {name: value for name, value in found.items() if value is not None}
