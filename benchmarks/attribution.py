"""Heat maps of a published model against lesion masks, and against shuffled weights.

    python -m benchmarks.attribution runs/busi_mobilenet/serving/busi_mobilenet/1 --data path/to/busi \
        --manifest runs/busi_mobilenet/pipeline_root/ImageExampleGen/manifest/2

Asks through a session, as TensorFlow Serving does. Without --manifest it takes all images with a lesion, and with it
those of the run's test split alone, which the model has not learnt from. Beside the maps of the model stands a map
that is the same for all images, bright in the middle, since whoever takes an image centres the lesion.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.attribution.localisation import Localisation, localise
from components.attribution.masks import read_masks
from components.attribution.randomisation import Stage, explain, randomise
from components.datasets.registry import get_dataset
from components.image_example_gen.files import list_folder, read_file
from components.manifest import read_manifest
from schema import contract
from schema.images.formats import encode_image, read_image
from serving.servable import Servable, read_description

SEED = 0
CENTRE_DEVIATION = 0.2  # of the side


@dataclass(frozen=True)
class Marked:
    """Attributes: label; image: encoded as the pipeline does; mask: bool (HEAT_MAP_SIDE, HEAT_MAP_SIDE)."""

    label: str
    image: bytes
    mask: NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a published version")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="busi")
    parser.add_argument("--manifest", type=Path, help="of the run; then only its test images are scored")
    parser.add_argument("--shuffled", type=int, default=64, help="so many images for the check with shuffled weights")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    marked = list(read_marked(arguments.data, arguments.dataset, arguments.manifest))
    with Servable(str(arguments.model)) as servable:
        maps = explain(servable, [each.image for each in marked])
    positive = str(read_description(str(arguments.model))["positive_label"])
    rows = score(marked, maps)
    print(f"what speaks for {positive}, on {len(marked)} images with masks")
    print_scores(rows)
    chosen = np.random.default_rng(SEED).permutation(len(marked))[: arguments.shuffled]
    found = randomise(str(arguments.model), [marked[index].image for index in chosen], SEED)
    print(f"against the maps of the model with shuffled weights, {len(chosen)} images")
    print_stages(found)
    if arguments.json:
        scores = {name: asdict(row) for name, row in rows.items()}
        arguments.json.write_text(json.dumps({"scores": scores, "stages": list(map(asdict, found))}, indent=2))


def read_marked(data: Path, dataset: str, manifest: Path | None) -> Iterator[Marked]:
    """The images of which a mask marks some part."""
    spec, listing = get_dataset(dataset), list_folder(str(data))
    if spec.find_masks is None:
        raise SystemExit(f"{dataset} has no masks")
    masks = spec.find_masks(listing)
    chosen = None if manifest is None else test_sources(manifest)
    for record in spec.find_records(listing):
        if record.path in masks and record.label and (chosen is None or record.path in chosen):
            image = encode_image(read_image(read_file(f"{data}/{record.path}")))
            files = [read_file(f"{data}/{mask}") for mask in masks[record.path]]
            mask = read_masks(files)
            if mask.any():  # those of images without a lesion are black
                yield Marked(record.label, image, mask)


def test_sources(manifest: Path) -> set[str]:
    return {entry.source for entry in read_manifest(str(manifest)) if entry.split == contract.TEST}


def score(marked: Sequence[Marked], maps: NDArray[np.float32]) -> dict[str, Localisation]:
    """Of each class, of all, and of the map that is bright in the middle."""
    labels = np.array([each.label for each in marked])
    masks = np.stack([each.mask for each in marked])
    rows = {label: localise(maps[labels == label], masks[labels == label]) for label in np.unique(labels)}
    rows["all"] = localise(maps, masks)
    rows["middle of the image"] = localise(np.broadcast_to(middle(), masks.shape), masks)
    return rows


def middle() -> NDArray[np.float64]:
    offsets = (np.arange(contract.HEAT_MAP_SIDE) + 0.5) / contract.HEAT_MAP_SIDE - 0.5
    profile = np.exp(-0.5 * (offsets / CENTRE_DEVIATION) ** 2)
    return np.outer(profile, profile)


def print_scores(rows: dict[str, Localisation]) -> None:
    print(f"{'':<20} pointing  energy  chance  scored  silent  unmarked")
    for name, row in rows.items():
        print(
            f"{name:<20} {row.pointing:8.3f} {row.energy:7.3f} {row.chance:7.3f}"
            f" {row.scored:7d} {row.silent:7d} {row.unmarked:9d}"
        )


def print_stages(found: Sequence[Stage]) -> None:
    print("layers shuffled  rank correlation  overlap  compared")
    for stage in found:
        alike = stage.similarity
        print(f"{stage.layers:15d} {alike.rank_correlation:17.3f} {alike.overlap:8.3f} {alike.compared:9d}")


if __name__ == "__main__":
    main()
