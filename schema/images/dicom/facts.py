"""The facts of a DICOM header that may be known: a pseudonym, the view and the side."""

import hashlib
from typing import Final

from pydicom.dataset import Dataset

from schema.images.canonical import ImageFacts

# Keeps the hashes apart from those that anyone else makes of the same identifiers.
_DOMAIN: Final = b"breast-imaging patient"
_PSEUDONYM_DIGITS: Final = 16
_PADDING: Final = b" \0"
_VIEWS: Final = frozenset({"CC", "MLO", "ML", "LM", "LMO", "XCC", "XCCL", "XCCM", "FB", "SIO", "ISO"})
# Of DICOM's context group 4014, in SNOMED's new and old codes.
_VIEWS_BY_CODE: Final = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "Y-X1770": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "Y-X1771": "XCCM",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
}
_SIDES: Final = {"L": "left", "R": "right"}


def image_facts(dataset: Dataset) -> ImageFacts:
    return ImageFacts(patient=_pseudonym(dataset), view=_view(dataset), side=_side(dataset))


def _pseudonym(dataset: Dataset) -> str:
    patient = _stored(dataset, "PatientID")
    if not patient:
        return ""
    issuer = _stored(dataset, "IssuerOfPatientID")
    digest = hashlib.sha256(b"\0".join([_DOMAIN, issuer, patient])).hexdigest()
    return f"patient-{digest[:_PSEUDONYM_DIGITS]}"


def _stored(dataset: Dataset, keyword: str) -> bytes:
    """The bytes of a value as the file holds them: pydicom would warn of an unusual one by quoting it."""
    element = dataset.get_item(keyword)
    value = element.value if element else None
    return value.strip(_PADDING) if isinstance(value, bytes) else b""


def _view(dataset: Dataset) -> str:
    position = _code(dataset, "ViewPosition")
    if position in _VIEWS:
        return position
    codes = dataset.get("ViewCodeSequence") or [Dataset()]
    return _VIEWS_BY_CODE.get(_code(codes[0], "CodeValue"), "")


def _side(dataset: Dataset) -> str:
    return _SIDES.get(_code(dataset, "ImageLaterality") or _code(dataset, "Laterality"), "")


def _code(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return value.strip().upper() if isinstance(value, str) else ""
