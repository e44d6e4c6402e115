"""What a model card and a data card say. `docs/cards.md` describes both; their JSON is these types."""

from typing import Final

from components.clinical_evaluator.content import ClinicalEvaluation, Frozen

CARD_VERSION: Final = "1"
DATA_CARD: Final = "data_card"


class ClaimItem(Frozen):
    """An item of CLAIM (Mongan, Moy and Kahn, Radiology: Artificial Intelligence 2, 2020).

    Attributes:
        number: 1 to 42.
        item: what it asks for, shortened.
        answer: what the pipeline knows of it; empty where a person has to fill it in.
    """

    number: int
    item: str
    answer: str


class DataSource(Frozen):
    """Attributes: modality: as the data set's module names it; source: where to get it, and how to cite it."""

    title: str
    modality: str
    source: str


class ModelCard(Frozen):
    """Of one version of a model.

    Attributes:
        card_version: of these types.
        created: UTC, ISO 8601, to the second.
        certified: whether the lower bounds that were asked for hold.
        parameters: of all members of an ensemble.
        image_size: height and width of the network's input, pixels.
        temperature: of the calibration.
        threshold_rule: how the threshold was chosen.
        licence: what is known of it.
        reproduce: commands that train it again.
        manifest_sha256: of the table of all images with their checksums, labels, groups and splits.
        libraries: releases by name.
    """

    card_version: str
    name: str
    created: str
    architecture: str
    parameters: int
    members: int
    image_size: list[int]
    labels: list[str]
    positive_label: str
    threshold: float
    threshold_rule: str
    temperature: float
    certified: bool
    intended_use: list[str]
    not_intended_use: list[str]
    limitations: list[str]
    data: DataSource
    evaluation: ClinicalEvaluation
    claim: list[ClaimItem]
    licence: str
    reproduce: list[str]
    configuration: str
    manifest_sha256: str
    libraries: dict[str, str]


class SplitCard(Frozen):
    """Attributes: images: by class; groups: patients, or what stands for them."""

    images: dict[str, int]
    groups: int


class CheckCard(Frozen):
    """Attributes: findings: number of faults still in the data; left_out: number of images left out for it."""

    check: str
    title: str
    policy: str
    findings: int
    left_out: int


class DataCard(Frozen):
    """Of the images that a model was trained and tested on.

    Attributes:
        left_out: number of images by the reason why they are in no split.
        grouping: what the groups are.
        attributes: for each, the number of images by value.
        sizes: smallest and largest height and width, pixels.
        notes: what a reader of the figures has to know.
    """

    card_version: str
    created: str
    data: DataSource
    labels: list[str]
    splits: dict[str, SplitCard]
    left_out: dict[str, int]
    grouping: str
    attributes: dict[str, dict[str, int]]
    sizes: dict[str, tuple[int, int]]
    checks: list[CheckCard]
    notes: list[str]
    manifest_sha256: str
