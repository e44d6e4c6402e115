"""BreaKHis: microscopy of breast tumours at four magnifications (Spanhol et al. 2016, doi 10.1109/TBME.2015.2496264).

All facts are in the file name, such as `SOB_B_A-14-22549AB-40-001.png`: class, type of tumour, slide with its year,
magnification, number. The letters after the slide's number tell the blocks of one patient apart, so the patient is
the slide without them. One patient, 14-13412, has images of two types.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from components.datasets.spec import HISTOPATHOLOGY, DatasetSpec, ImageRecord, Listing
from schema import contract
from schema.images.suffixes import is_image_path

LABELS: Final = ("benign", "malignant")
TUMOURS: Final = {  # by class and type
    "B_A": "adenosis",
    "B_F": "fibroadenoma",
    "B_PT": "phyllodes tumor",
    "B_TA": "tubular adenoma",
    "M_DC": "ductal carcinoma",
    "M_LC": "lobular carcinoma",
    "M_MC": "mucinous carcinoma",
    "M_PC": "papillary carcinoma",
}
IMAGE_NAME: Final = re.compile(
    rf"SOB_(?P<tumour>{'|'.join(TUMOURS)})-(?P<patient>\d+-\d+)[A-Z]*-(?P<magnification>40|100|200|400)-\d+"
)


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each image whose name can be read, in whatever folder, with the patient as its group."""
    return [_record(path) for path in listing.paths if is_image_path(path)]


def _record(path: str) -> ImageRecord:
    """The name decides; an image that lies below a folder of the other class has no label."""
    match = IMAGE_NAME.fullmatch(PurePosixPath(path).stem)
    if match is None:
        return ImageRecord(path=path, label=None)
    benign, malignant = LABELS
    label, other = (benign, malignant) if match["tumour"].startswith("B") else (malignant, benign)
    contradicted = other in (folder.lower() for folder in PurePosixPath(path).parent.parts)
    return ImageRecord(
        path=path,
        label=None if contradicted else label,
        group=match["patient"],
        attributes={
            contract.FINDING: TUMOURS[match["tumour"]],
            contract.MAGNIFICATION: f"{match['magnification']}X",
        },
    )


DATASET: Final = DatasetSpec(
    name="breakhis",
    title="BreaKHis, histopathology of breast tumours at four magnifications",
    modality=HISTOPATHOLOGY,
    source="Spanhol et al. 2016, A dataset for breast cancer histopathological image classification, "
    "doi 10.1109/TBME.2015.2496264",
    layout="BreaKHis_v1/histology_slides/breast/<class>/SOB/<type>/<slide>/<magnification>/"
    "SOB_<B or M>_<type>-<slide>-<magnification>-<number>.png",
    labels=LABELS,
    positive_label="malignant",
    find_records=find_records,
)
