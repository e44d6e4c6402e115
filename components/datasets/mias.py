"""mini-MIAS: 322 mammograms of 161 women (Suckling et al. 1994), and `Info.txt`, which says what each film shows.

`Info.txt` is prose around a table without header: film, background tissue, finding, severity, position and radius.
A film with several findings has several rows; some rows lack the position, which is not read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from components.datasets.spec import MAMMOGRAPHY, DatasetSpec, ImageRecord, Listing
from schema import contract
from schema.errors import DataRejectedError
from schema.images.suffixes import is_image_path

TABLE: Final = "Info.txt"
LABELS: Final = ("normal", "benign", "malignant")  # from the best to the worst
SEVERITIES: Final = {None: "normal", "B": "benign", "M": "malignant"}
DENSITIES: Final = {"F": "fatty", "G": "fatty-glandular", "D": "dense-glandular"}
FINDINGS: Final = {
    "CALC": "calcification",
    "CIRC": "circumscribed mass",
    "SPIC": "spiculated mass",
    "MISC": "other mass",
    "ARCH": "architectural distortion",
    "ASYM": "asymmetry",
}
FILM_NAME: Final = re.compile(r"mdb(?P<number>\d{3})", re.IGNORECASE)
ROW_START: Final = re.compile(r"\s*mdb\d", re.IGNORECASE)
ROW: Final = re.compile(
    rf"\s*mdb(?P<number>\d{{3}})\s+(?P<density>[{''.join(DENSITIES)}])\s+"
    rf"(?:NORM\s*$|(?P<finding>{'|'.join(FINDINGS)})\s+(?P<severity>[BM])(?!\S))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    """What a row of the table says of its film."""

    label: str
    attributes: Mapping[str, str]


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each `mdbNNN.pgm`, in whatever folder, with the woman as its group.

    Films of the table that are not there are passed over, so that a part of the data set can be used; a film that
    the table does not name has no label.
    """
    rows = _parse(listing.read_text(_table_path(listing)))
    return [_record(path, rows) for path in listing.paths if is_image_path(path)]


def _record(path: str, rows: Mapping[int, Row]) -> ImageRecord:
    match = FILM_NAME.fullmatch(PurePosixPath(path).stem)
    if match is None:
        return ImageRecord(path=path, label=None)
    number = int(match["number"])
    row = rows.get(number)
    return ImageRecord(
        path=path,
        label=row.label if row else None,
        group=f"woman-{(number + 1) // 2:03d}",  # films come in pairs: 1 and 2, 3 and 4, ...
        attributes={contract.SIDE: _side(number), **(row.attributes if row else {})},
    )


def _side(number: int) -> str:
    """The side by the film's number.

    Note 1 of `Info.txt` has it the other way round. The lead markers on the films decide: wherever one is legible,
    it says L on an odd film and R on an even one.
    """
    return "left" if number % 2 else "right"


def _table_path(listing: Listing) -> str:
    """The one `Info.txt`, or the first of several equal ones."""
    found = [path for path in listing.paths if PurePosixPath(path).name.lower() == TABLE.lower()]
    if not found:
        raise DataRejectedError(
            f"{TABLE}, which holds the classes of the films, is missing.",
            fix=f"take it from where the films come from ({DATASET.source}), and put it beside them",
        )
    if len({listing.read_text(path) for path in found}) > 1:
        raise DataRejectedError(
            f"The data folder holds {len(found)} different {TABLE}.", reasons=found, fix="keep the right one"
        )
    return found[0]


def _parse(text: str) -> dict[int, Row]:
    """The rows by film, which begin with the name of a film; all other lines are prose.

    Of several rows of a film the one with the worst severity counts, the first of equals: one malignant finding
    makes a film malignant, whatever benign ones lie beside it, and so a radiologist would report it.
    """
    rows: dict[int, Row] = {}
    faults = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not ROW_START.match(content):
            continue
        match = ROW.match(content)
        if match is None:
            faults.append(f"line {line}: {content.strip()}")
            continue
        number, row = int(match["number"]), _row(match)
        if number not in rows or LABELS.index(row.label) > LABELS.index(rows[number].label):
            rows[number] = row
    if faults or not rows:
        raise DataRejectedError(
            f"{TABLE} has {len(faults)} rows that cannot be read." if faults else f"{TABLE} names no film.",
            reasons=faults,
            fix=f"restore {TABLE} as it was published ({DATASET.source})",
        )
    return rows


def _row(match: re.Match[str]) -> Row:
    attributes = {contract.DENSITY: DENSITIES[match["density"].upper()]}
    if match["finding"] is None:
        return Row(SEVERITIES[None], attributes)
    finding = FINDINGS[match["finding"].upper()]
    return Row(SEVERITIES[match["severity"].upper()], {**attributes, contract.FINDING: finding})


DATASET: Final = DatasetSpec(
    name="mias",
    title="mini-MIAS, screening mammograms",
    modality=MAMMOGRAPHY,
    source="Suckling et al. 1994; all-mias.tar.gz at http://peipa.essex.ac.uk/info/mias.html, for research only",
    layout=f"mdbNNN.pgm and {TABLE}",
    labels=LABELS,
    positive_label="malignant",
    find_records=find_records,
)
