"""A data set that lies in several folders of one data folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from components.image_example_gen.files import list_folder, read_text


def in_spans(spec: DatasetSpec, folders: Sequence[str]) -> DatasetSpec:
    """The data set whose images are those of each of these folders; paths start with the name of the folder.

    Without folders it is the data set itself.
    """
    if not folders:
        return spec
    masks = spec.find_masks
    return replace(
        spec,
        find_records=lambda listing: list(_records(spec.find_records, listing, folders)),
        find_masks=masks and (lambda listing: dict(_masks(masks, listing, folders))),
    )


def list_spans(root: str, folders: Sequence[str]) -> Listing:
    """Every file of these folders; what else lies beside them may be changing. Raises as `list_folder` does.

    Without folders, every file below the root.
    """
    if not folders:
        return list_folder(root)
    paths = [f"{folder}/{path}" for folder in folders for path in list_folder(f"{root}/{folder}").paths]
    return Listing(sorted(paths), lambda path: read_text(root, path))


def span_of(source: str) -> str:
    """The folder that an image of spans lies in."""
    return source.partition("/")[0]


def _records(
    find: Callable[[Listing], Sequence[ImageRecord]], listing: Listing, folders: Sequence[str]
) -> Iterator[ImageRecord]:
    for folder in folders:
        for record in find(_below(listing, folder)):
            yield replace(record, path=f"{folder}/{record.path}")


def _masks(
    find: Callable[[Listing], Mapping[str, Sequence[str]]], listing: Listing, folders: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    for folder in folders:
        for path, masks in find(_below(listing, folder)).items():
            yield f"{folder}/{path}", [f"{folder}/{mask}" for mask in masks]


def _below(listing: Listing, folder: str) -> Listing:
    prefix = f"{folder}/"
    paths = [path.removeprefix(prefix) for path in listing.paths if path.startswith(prefix)]
    return Listing(paths, lambda path: listing.read_text(prefix + path))
