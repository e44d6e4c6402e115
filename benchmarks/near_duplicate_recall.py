"""How many changed copies of images the near-duplicate search finds among all images of a data set.

    python -m benchmarks.near_duplicate_recall --config busi --data path/to/busi --copies 60 --json recall.json

Copies are made of images evenly spread over the set, in one way at a time, since several copies of one image would
take each other's places among its neighbours.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from rich import box
from rich.table import Table

from benchmarks.changed_copies import CHANGES, Change
from benchmarks.table import table_console
from components.datasets.registry import get_dataset
from components.image_example_gen.files import list_folder, read_file
from components.near_duplicates import COPY_SIMILARITY, find_near_duplicates, fingerprint, first_of_equal
from pipeline.config import load_config
from pipeline.json_file import write_json
from schema.errors import BreastImagingError
from schema.images.formats import read_pages


class Found(BaseModel):
    """Of copies that were made by one change.

    Attributes: near_duplicates: found as such, of their originals; copies: of those, certainly the same picture.
    """

    change: str
    made: int
    near_duplicates: int
    copies: int


class Recall(BaseModel):
    images: int
    changes: list[Found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = table_console()
    try:
        with console.status("reading images") as status:
            images = Images(list(read_images(options.config, str(options.data))))
            found = []
            for name, change in CHANGES.items():
                status.update(name)
                found.append(images.find(name, change, options.copies))
        recall = Recall(images=len(images.prints), changes=found)
        console.print(recall_table(recall))
        if options.json:
            write_json(recall, options.json)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def read_images(config: str, data: str) -> Iterator[NDArray[np.uint8]]:
    """The first page of each file of 8 bits, as it is ingested."""
    spec = get_dataset(load_config(config, []).data.dataset)
    for record in spec.find_records(list_folder(data)):
        pixels = next(read_pages(read_file(f"{data}/{record.path}"))).pixels
        if pixels.dtype == np.uint8:
            yield pixels


class Images:
    """The images of a set, and their fingerprints."""

    def __init__(self, images: list[NDArray[np.uint8]]) -> None:
        self._images = images
        self.prints = np.stack([fingerprint(image) for image in images])
        # Of images that are equal to begin with, the search names the first alone.
        self._firsts = first_of_equal(code.tobytes().hex() for code in self.prints)

    def find(self, name: str, change: Change, copies: int) -> Found:
        """Changes some images in one way, and looks for the copies among all."""
        rows = np.unique(np.linspace(0, len(self._images) - 1, min(copies, len(self._images))).astype(np.intp))
        changed = np.stack([fingerprint(change(self._images[row])) for row in rows])
        pairs = find_near_duplicates(np.concatenate([self.prints, changed]))
        similarities = {(pair.first, pair.second): pair.similarity for pair in pairs}
        originals = enumerate(self._firsts[rows].tolist(), len(self._images))
        found = [similarities.get((original, number), 0.0) for number, original in originals]
        return Found(
            change=name,
            made=len(rows),
            near_duplicates=sum(similarity > 0 for similarity in found),
            copies=sum(similarity >= COPY_SIMILARITY for similarity in found),
        )


def recall_table(recall: Recall) -> Table:
    table = Table(title=f"changed copies found among {recall.images:,} images", box=box.SIMPLE)
    table.add_column("change")
    for name in ("made", "near-duplicates", "certain copies"):
        table.add_column(name, justify="right")
    for row in recall.changes:
        table.add_row(row.change, str(row.made), str(row.near_duplicates), str(row.copies))
    return table


if __name__ == "__main__":
    sys.exit(main())
