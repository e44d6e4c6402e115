"""What the data gate checks. A check looks at the manifest, or at TFDV's anomalies, and lists its findings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.image_example_gen.manifest import SIMILARITY, Manifest, images_per_class, label_conflicts
from schema import contract


def check_anomalies(anomalies: Mapping[str, anomalies_pb2.Anomalies]) -> list[str]:
    """Everything that TFDV reports against the curated schema, by split."""
    return [
        f"split {split!r}, feature {feature or '(data set)'!r}: {info.description or info.short_description}"
        for split, found in anomalies.items()
        for feature, info in [*found.anomaly_info.items(), *_dataset_anomalies(found)]
    ]


def check_label_conflicts(manifest: Manifest) -> list[str]:
    """Images that show the same and carry different labels."""
    kept = [entry for entry in manifest if not entry.dropped]
    return [
        "same picture, different labels: " + ", ".join(f"{entry.source} ({entry.label})" for entry in same)
        for same in label_conflicts(kept)
    ]


def check_groups(manifest: Manifest) -> list[str]:
    """Groups, or files of the same content, that are in more than one split."""
    splits_of_group: defaultdict[str, set[str]] = defaultdict(set)
    splits_of_pixels: defaultdict[str, set[str]] = defaultdict(set)
    sources_of_pixels: defaultdict[str, list[str]] = defaultdict(list)
    for entry in manifest:
        if not entry.dropped:
            splits_of_group[entry.group].add(entry.split)
            splits_of_pixels[entry.pixel_sha256].add(entry.split)
            sources_of_pixels[entry.pixel_sha256].append(entry.source)
    leaking_groups = [
        f"group {group!r} is in the splits {', '.join(sorted(splits))}"
        for group, splits in splits_of_group.items()
        if len(splits) > 1
    ]
    leaking_images = [
        f"same pixels in the splits {', '.join(sorted(splits))}: {', '.join(sources_of_pixels[pixels])}"
        for pixels, splits in splits_of_pixels.items()
        if len(splits) > 1
    ]
    return leaking_groups + leaking_images


def note_grouping(manifest: Manifest) -> list[str]:
    """What a reader of the figures has to know of the groups; no reason to refuse the data."""
    kept = [entry for entry in manifest if not entry.dropped]
    unnamed = sum(entry.grouped_by == SIMILARITY for entry in kept)
    if not unnamed:
        return []
    return [
        f"{unnamed} of {len(kept)} images name no patient, so near-duplicates form their groups: different images"
        " of one patient may be in different splits"
    ]


def check_classes(manifest: Manifest, labels: Sequence[str]) -> list[str]:
    """Classes that a split lacks."""
    return [
        f"no image of class {label!r} in split {split!r}"
        for split in contract.SPLITS
        for label, images in images_per_class(manifest, split, labels).items()
        if images == 0
    ]


def _dataset_anomalies(
    found: anomalies_pb2.Anomalies,
) -> list[tuple[str, anomalies_pb2.AnomalyInfo]]:
    if not found.HasField("dataset_anomaly_info"):
        return []
    return [("", found.dataset_anomaly_info)]
