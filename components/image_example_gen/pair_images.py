"""Thumbnails of some near-duplicate pairs, for people to see what was taken for the same."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter
from tfx.utils import io_utils

from components.image_example_gen.planning import Plan
from components.image_example_gen.store import ImageStore, Location
from components.manifest import Manifest, ManifestEntry, SimilarPair, entries_of_pairs
from schema.images.formats import read_image
from schema.images.thumbnails import shrink, to_png

FOLDER: Final = "similar_pairs"
INDEX_FILE: Final = "pairs.json"
MOST_PAIRS: Final = 24
MOST_PAIRS_OF_AN_IMAGE: Final = 2
# The report holds the thumbnails. At 128 pixels even noise in colour is below the limit.
LONGER_SIDES: Final = (256, 192, 128)
MOST_BYTES: Final = 60_000


class PairedImage(BaseModel):
    """One image of a pair.

    Attributes:
        source, label, split: as in the manifest.
        left_out: why the image is in no split; empty where it is in one.
        file: name of the thumbnail.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    label: str
    split: str
    left_out: str
    file: str


class PairImages(BaseModel):
    """Two images that show the same, or nearly; names of patients stay in the manifest.

    Attributes:
        different_patients: whether the data name a patient for each, and not the same one.
        similarity, change, same_picture: as in the manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: PairedImage
    second: PairedImage
    different_patients: bool
    similarity: float
    change: str
    same_picture: bool


_INDEX: Final = TypeAdapter(list[PairImages])


def write_pair_images(planned: Plan, locations: Sequence[Location | None], store: ImageStore, directory: str) -> None:
    """Writes the thumbnails and their index into a folder of `directory`.

    Args:
        locations: of the images of `planned.entries`, in their order.
        directory: of the manifest.
    """
    folder = f"{directory}/{FOLDER}"
    entries = entries_of_pairs(planned.entries, planned.pairs)
    chosen = choose_pairs(planned.pairs, entries)
    pairs = [_describe(number, pair, entries) for number, pair in enumerate(chosen, start=1)]
    kept = _locations_of(chosen, planned.entries, locations)
    for pair in pairs:
        for image in (pair.first, pair.second):
            thumbnail = make_thumbnail(store.read(kept[image.source]))
            io_utils.write_bytes_file(f"{folder}/{image.file}", thumbnail)
    io_utils.write_bytes_file(f"{folder}/{INDEX_FILE}", _INDEX.dump_json(pairs, indent=2))


def read_pair_images(directory: str) -> list[PairImages]:
    """The pairs of which a manifest's directory holds thumbnails, those most worth a look first."""
    return _INDEX.validate_json(io_utils.read_bytes_file(f"{directory}/{FOLDER}/{INDEX_FILE}"))


def read_thumbnail(directory: str, image: PairedImage) -> bytes:
    """The PNG file."""
    return io_utils.read_bytes_file(f"{directory}/{FOLDER}/{image.file}")


def choose_pairs(pairs: Iterable[SimilarPair], entries: Mapping[str, ManifestEntry]) -> list[SimilarPair]:
    """The pairs most worth a look, each image in few of them, so that a large family does not hide the others."""
    chosen: list[SimilarPair] = []
    uses: Counter[str] = Counter()
    for pair in sorted(pairs, key=lambda pair: _rank(pair, entries)):
        if len(chosen) < MOST_PAIRS and max(uses[pair.first], uses[pair.second]) < MOST_PAIRS_OF_AN_IMAGE:
            chosen.append(pair)
            uses.update((pair.first, pair.second))
    return chosen


def make_thumbnail(png: bytes) -> bytes:
    """A small PNG file of 8 bits a channel, without metadata; small images keep their pixels."""
    pixels = read_image(png).pixels
    thumbnails = (to_png(shrink(pixels, side)) for side in LONGER_SIDES)
    return next(thumbnail for thumbnail in thumbnails if len(thumbnail) <= MOST_BYTES)


def _locations_of(
    pairs: Iterable[SimilarPair], manifest: Manifest, locations: Sequence[Location | None]
) -> dict[str, Location]:
    """By source, where the images of the pairs are kept."""
    sources = {source for pair in pairs for source in (pair.first, pair.second)}
    return {
        entry.source: location
        for entry, location in zip(manifest, locations, strict=True)
        if location and entry.source in sources
    }


def _rank(pair: SimilarPair, entries: Mapping[str, ManifestEntry]) -> tuple[Any, ...]:
    """Sorts first what would do the most harm, then what is the least certain."""
    first, second = entries[pair.first], entries[pair.second]
    return (
        first.label == second.label,
        not _differ(first.patient, second.patient),
        not _differ(first.split, second.split),
        not pair.change,
        pair.similarity,
        pair.first,
        pair.second,
    )


def _describe(number: int, pair: SimilarPair, entries: Mapping[str, ManifestEntry]) -> PairImages:
    first, second = entries[pair.first], entries[pair.second]
    return PairImages(
        first=_describe_image(first, f"{number:02d}-first.png"),
        second=_describe_image(second, f"{number:02d}-second.png"),
        different_patients=_differ(first.patient, second.patient),
        similarity=pair.similarity,
        change=pair.change,
        same_picture=pair.same_picture,
    )


def _describe_image(entry: ManifestEntry, file: str) -> PairedImage:
    return PairedImage(
        source=entry.source,
        label=entry.label,
        split=entry.split,
        left_out=entry.fault or entry.unlabelled or entry.dropped,
        file=file,
    )


def _differ(first: str, second: str) -> bool:
    """Whether both are known, and not the same."""
    return bool(first and second) and first != second
