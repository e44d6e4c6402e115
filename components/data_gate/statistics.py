"""What TFDV tells of the data: anomalies against the schema, skew between splits, drift since earlier data.

Skew and drift are looked for in bands (of size, brightness, ...) of fixed edges, because TFDV lays the edges of a
histogram by the extremes of each sample, which makes a spike such as one common width differ from itself.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, TypeAlias

import pandas as pd
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from pydantic import BaseModel, ConfigDict
from scipy import stats
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_checks.spec import Finding
from components.manifest import Manifest, ManifestEntry
from schema import contract

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

SIZE_BANDS_PER_OCTAVE: Final = 2
BRIGHTNESS_BANDS: Final = 10
CONTRAST_BANDS: Final = 20  # the standard deviation is at most half the range
CONFIDENCE: Final = 0.99


@dataclass(frozen=True)
class Sample:
    """Statistics of the bands of some images.

    Attributes:
        groups: how many groups of equal size would say as much (Kish, "Survey Sampling", 1965): images of one group
            resemble each other, so groups are what counts as independent, and a few large ones count for few.
    """

    name: str
    statistics: Statistics
    groups: float


class Difference(BaseModel):
    """How far two samples differ in a feature (Jensen-Shannon divergence, base 2, 0 to 1), and how far they may."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: str
    first: str
    second: str
    value: float
    limit: float

    @property
    def exceeds(self) -> bool:
        return self.value > self.limit


def find_anomalies(anomalies: Mapping[str, anomalies_pb2.Anomalies]) -> list[Finding]:
    """Everything that TFDV reports against the curated schema, by split."""
    return [
        Finding(f"split {split!r}, feature {feature!r}: {info.description or info.short_description}")
        for split, found in anomalies.items()
        for feature, info in _all_anomalies(found)
    ]


def anomalies_of(entries: Sequence[ManifestEntry]) -> anomalies_pb2.Anomalies:
    """What TFDV reports on the features that the manifest has, without reading any example."""
    frame = pd.DataFrame({name: [value(entry) for entry in entries] for name, value in _SCALARS.items()})
    text = (resources.files("schema") / "schema.pbtxt").read_text("utf-8")
    schema = text_format.Parse(text, schema_pb2.Schema())
    features = [feature for feature in schema.feature if feature.name in _SCALARS]
    del schema.feature[:]
    schema.feature.extend(features)
    return tfdv.validate_statistics(tfdv.generate_statistics_from_dataframe(frame), schema)


def sample(manifest: Manifest, split: str) -> Sample:
    """The bands of the images of a split."""
    return sample_entries(split, [entry for entry in manifest if entry.split == split])


def sample_entries(name: str, entries: Sequence[ManifestEntry]) -> Sample:
    """The bands of some images."""
    frame = pd.DataFrame({name: [band(entry) for entry in entries] for name, band in _BANDS.items()}, dtype=str)
    return Sample(name, tfdv.generate_statistics_from_dataframe(frame), _effective_groups(entries))


def compare(first: Sample, second: Sample, limit: float) -> list[Difference]:
    """All features, by TFDV's comparator. What samples of so few groups differ by chance is added to the limit."""
    if not first.groups or not second.groups:
        return []  # a split without images is a finding of its own
    found = tfdv.validate_statistics(first.statistics, _comparators(), serving_statistics=second.statistics)
    return [
        Difference(
            feature=feature,
            first=first.name,
            second=second.name,
            value=measurement.value,
            limit=limit + _chance(_bands(feature, first, second), first.groups, second.groups),
        )
        for info in found.drift_skew_info
        for feature in info.path.step
        for measurement in info.skew_measurements
    ]


def compare_splits(manifest: Manifest, limit: float) -> list[Difference]:
    """Eval and test against train."""
    train, *others = (sample(manifest, split) for split in contract.SPLITS)
    return [difference for other in others for difference in compare(train, other, limit)]


def find_differences(differences: Sequence[Difference]) -> list[Finding]:
    return [
        Finding(
            f"{difference.feature}: {difference.first} and {difference.second} differ by {difference.value:.3f};"
            f" at most {difference.limit:.3f} is allowed, chance included"
        )
        for difference in differences
        if difference.exceeds
    ]


def _all_anomalies(found: anomalies_pb2.Anomalies) -> list[tuple[str, Any]]:
    anomalies = list(found.anomaly_info.items())
    if found.HasField("dataset_anomaly_info"):
        anomalies.append(("(data set)", found.dataset_anomaly_info))
    return anomalies


def _comparators() -> schema_pb2.Schema:
    """A schema of the bands, with limits that every measurement exceeds, so that TFDV reports each."""
    schema = schema_pb2.Schema()
    for name in _BANDS:
        feature = schema.feature.add(name=name, type=schema_pb2.BYTES)
        feature.skew_comparator.jensen_shannon_divergence.threshold = 0.0
    return schema


def _bands(feature: str, *samples: Sample) -> int:
    """How many bands of a feature are in use."""
    return len(
        {
            bucket.label
            for each in samples
            for found in each.statistics.datasets[0].features
            if found.path.step[0] == feature
            for bucket in found.string_stats.rank_histogram.buckets
        }
    )


def _effective_groups(entries: Sequence[ManifestEntry]) -> float:
    sizes = Counter(entry.group for entry in entries).values()
    return sum(sizes) ** 2 / sum(size**2 for size in sizes) if entries else 0.0


def _chance(bands: int, first: float, second: float) -> float:
    """What 99 of 100 pairs of samples of one distribution over so many bands differ by at most.

    From the relation of the divergence (in bits) to chi-square with `bands - 1` degrees of freedom (Grosse et al.,
    "Analysis of symbolic sequences using the Jensen-Shannon divergence", Phys. Rev. E 65, 041905, 2002).
    """
    if bands < 2:
        return 0.0
    return float(stats.chi2.ppf(CONFIDENCE, bands - 1)) / (8 * math.log(2)) * (1 / first + 1 / second)


def _size_band(side: int) -> str:
    step = math.floor(SIZE_BANDS_PER_OCTAVE * math.log2(side))
    low, high = (math.ceil(2 ** (edge / SIZE_BANDS_PER_OCTAVE)) for edge in (step, step + 1))
    return f"{low} to {high - 1} pixels"


def _share_band(value: float, bands: int) -> str:
    band = min(int(value * bands), bands - 1)
    return f"{band / bands:.2f} to {(band + 1) / bands:.2f}"


_SCALARS: Final = {
    contract.IMAGE_HEIGHT: lambda entry: entry.height,
    contract.IMAGE_WIDTH: lambda entry: entry.width,
    contract.IMAGE_CHANNELS: lambda entry: entry.channels,
    contract.IMAGE_BIT_DEPTH: lambda entry: entry.bit_depth,
    contract.IMAGE_MEAN: lambda entry: entry.mean,
    contract.IMAGE_STD: lambda entry: entry.std,
    contract.LABEL: lambda entry: entry.label,
    contract.GROUP: lambda entry: entry.group,
    contract.SOURCE: lambda entry: entry.source,
}
_BANDS: Final = {
    "height": lambda entry: _size_band(entry.height),
    "width": lambda entry: _size_band(entry.width),
    "channels": lambda entry: str(entry.channels),
    "bit depth": lambda entry: str(entry.bit_depth),
    "brightness": lambda entry: _share_band(entry.mean, BRIGHTNESS_BANDS),
    "contrast": lambda entry: _share_band(entry.std, CONTRAST_BANDS),
    "class": lambda entry: entry.label,
}
