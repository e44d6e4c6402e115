"""What a new span is compared with: the accepted images of the spans that are trained on."""

from pathlib import Path

from components.data_gate.statistics import Sample, sample_entries
from components.manifest import Manifest
from components.settings import SpanSettings
from components.spans.dataset import span_of
from components.spans.ledger import read_ledger


def compared_spans(spans: SpanSettings, manifest: Manifest) -> tuple[Sample, Sample] | None:
    """Those images, and all that the manifest takes in; None where nothing else was accepted.

    Of all splits, since a span by itself is small.
    """
    others = set(spans.training) - set(spans.folders)
    entries = read_ledger(Path(spans.ledger)).entries() if others else []
    accepted = [entry for entry in entries if entry.split and span_of(entry.source) in others]
    if not accepted:
        return None
    new = [entry for entry in manifest if entry.split]
    return sample_entries("the accepted spans", accepted), sample_entries("the new span", new)
