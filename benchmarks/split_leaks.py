"""What a test part shares with the part that a model learnt from.

    python -m benchmarks.split_leaks runs/busi --seeds 10

counts it for splits by image, as `benchmarks.peer_script` makes them, of the images of a run, which has found their
groups and near-duplicates.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.random_split import split_at_random
from components.manifest import Manifest, SimilarPair, read_manifest, read_pairs
from pipeline.output import OutputFolder
from schema import contract


@dataclass(frozen=True)
class Leaks:
    """Attributes:
    test_images: in the test part.
    of_known_groups: of those, images of a patient, or what stands for one, of whom there are images in train.
    near_duplicates: of the test images, those of which train has a near-duplicate.
    shared_groups: patients, or what stands for them, in both parts.
    """

    test_images: int
    of_known_groups: int
    near_duplicates: int
    shared_groups: int

    @property
    def related_share(self) -> float:
        """Of the test images, those of groups in train; 0 where there are none."""
        return self.of_known_groups / self.test_images if self.test_images else 0.0


def count_leaks(splits: Mapping[str, str], groups: Mapping[str, str], pairs: Iterable[SimilarPair]) -> Leaks:
    """Args:
    splits: by source, of the images that are in one.
    groups: by source, of the same images, and perhaps others.
    pairs: near-duplicates.
    """
    sources = {split: {source for source, each in splits.items() if each == split} for split in contract.SPLITS}
    train, test = sources[contract.TRAIN], sources[contract.TEST]
    train_groups = {groups[source] for source in train}
    partners = _partners(pairs)
    known = [source for source in test if groups[source] in train_groups]
    return Leaks(
        test_images=len(test),
        of_known_groups=len(known),
        near_duplicates=sum(not train.isdisjoint(partners[source]) for source in test),
        shared_groups=len({groups[source] for source in known}),
    )


def _partners(pairs: Iterable[SimilarPair]) -> defaultdict[str, set[str]]:
    partners: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        partners[pair.first].add(pair.second)
        partners[pair.second].add(pair.first)
    return partners


@dataclass(frozen=True)
class KnownImages:
    """What ingestion found out about the images. Attributes: pairs: near-duplicates."""

    manifest: Manifest
    pairs: Sequence[SimilarPair]

    @classmethod
    def of_run(cls, run: Path) -> "KnownImages":
        """Args: run: the output folder of a single run."""
        (folder,) = (OutputFolder(run).pipeline_root / "ImageExampleGen" / "manifest").iterdir()
        return cls(read_manifest(str(folder)), read_pairs(str(folder)))

    @property
    def labels(self) -> dict[str, str]:
        """Of the images that can be in a split, by source."""
        return {entry.source: entry.label for entry in self.manifest if entry.usable}

    @property
    def splits(self) -> dict[str, str]:
        return {entry.source: entry.split for entry in self.manifest if entry.split}

    @property
    def groups(self) -> dict[str, str]:
        return {entry.source: entry.group for entry in self.manifest}

    def leaks(self, splits: Mapping[str, str]) -> Leaks:
        return count_leaks(splits, self.groups, self.pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of a single run")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    known = KnownImages.of_run(options.run)
    labels = known.labels
    leaks = [known.leaks(split_at_random(labels, seed)) for seed in range(options.seeds)]
    groups = {known.groups[source] for source in labels}
    print(f"{len(labels)} images, {len(groups)} groups, {options.seeds} splits by image:")
    for what, shares in (
        ("of a group in train", [each.related_share for each in leaks]),
        ("with a near-duplicate in train", [each.near_duplicates / each.test_images for each in leaks]),
    ):
        print(f"  test images {what}: {mean(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})")
    print(f"split of the run: {known.leaks(known.splits)}")


if __name__ == "__main__":
    main()
