"""What a test part shares with the part that a model learnt from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.manifest import SimilarPair
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
