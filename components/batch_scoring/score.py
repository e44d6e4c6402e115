"""From a folder to a file with a row for each image, in the order of their paths."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apache_beam as beam
from apache_beam.utils.shared import Shared

from components.batch_scoring.rows import Columns, Row, writer_for
from components.image_example_gen.files import read_file
from components.image_example_gen.work_files import do_parts, read_json, write_json, write_parts
from components.manifest import page_source
from components.progress import Progress, report_progress
from schema.images.formats import UnreadableImageError, encode_image, read_pages
from serving.extras import read_description
from serving.servable import Servable

TASK: Final = "scoring images"
FILES_OF_A_PART: Final = 32
_IMAGES_OF_A_BATCH: Final = 16


@dataclass(frozen=True)
class Scored:
    """How many images were scored, and how many files could not be."""

    images: int
    failed: int


def score_folder(
    make_pipeline: Callable[[], beam.Pipeline],
    model: str,
    root: str,
    paths: Sequence[str],
    output: Path,
    directory: str,
) -> Scored:
    """Scores the files and writes the output, whole or not at all.

    A file that cannot be read has a row with its error; one of several pages has a row for each.

    Args:
        model: folder of a SavedModel.
        root: what the paths are relative to.
        output: a CSV or JSONL file; one that is there is replaced.
        directory: an empty folder that all workers see.

    Raises:
        ConfigurationError: for an output of another kind.
        UnusableModelError: where the model cannot be loaded or asked.
    """
    writer, columns = writer_for(output), Columns(read_description(model).labels)
    parts = [list(paths[start : start + FILES_OF_A_PART]) for start in range(0, len(paths), FILES_OF_A_PART)]
    count = write_parts(parts, directory)
    do_parts(make_pipeline, count, directory, _ScorePart(model, root, directory, columns, len(paths), Shared()))
    images = failed = 0
    partial = output.with_name(f".{output.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(writer.header(columns))
        for number in range(count):
            rows: list[Row] = read_json(_rows_path(directory, number))
            failed += sum(bool(row["error"]) for row in rows)
            images += sum(not row["error"] for row in rows)
            file.write(writer.write(columns, rows))
    partial.replace(output)
    return Scored(images, failed)


@dataclass(frozen=True)
class _ScorePart:
    """Scores some files; workers of one process share the model. Attributes: total: number of all files."""

    model: str
    root: str
    directory: str
    columns: Columns
    total: int
    shared: Shared

    def __call__(self, number: int, paths: list[str]) -> None:
        servable = self.shared.acquire(lambda: Servable(self.model))
        images = [image for path in paths for image in _read(self.root, path)]
        rows = self._score(servable, [image for image in images if not image.fault])
        in_order = [self.columns.failed(image.source, image.fault) if image.fault else next(rows) for image in images]
        write_json(_rows_path(self.directory, number), in_order)
        report_progress(Progress(TASK, advance=len(paths), total=self.total))

    def _score(self, servable: Servable, images: Sequence["_Image"]) -> Iterator[Row]:
        for start in range(0, len(images), _IMAGES_OF_A_BATCH):
            batch = images[start : start + _IMAGES_OF_A_BATCH]
            answer = servable.predict_images([image.png for image in batch])
            for index, image in enumerate(batch):
                yield self.columns.scored(
                    image.source,
                    answer.labels[index],
                    answer.probabilities[index].tolist(),
                    float(answer.malignant_probability[index]),
                    answer.threshold,
                )


@dataclass(frozen=True)
class _Image:
    """One image of a file, or why there is none (any more)."""

    source: str
    png: bytes = b""
    fault: str = ""


def _read(root: str, path: str) -> list[_Image]:
    pages: list[bytes] = []
    fault = ""
    try:
        pages.extend(encode_image(page) for page in read_pages(read_file(f"{root}/{path}")))
    except UnreadableImageError as error:
        fault = str(error)
    if len(pages) == 1 and not fault:
        return [_Image(path, pages[0])]
    found = [_Image(page_source(path, number), page) for number, page in enumerate(pages, start=1)]
    return [*found, _Image(path, fault=fault)] if fault else found


def _rows_path(directory: str, number: int) -> str:
    return f"{directory}/rows-{number:06d}.json"
