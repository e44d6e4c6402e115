"""CLAIM, the checklist for papers on medical imaging with artificial intelligence, filled in as far as a machine can.

Mongan, Moy and Kahn, "Checklist for Artificial Intelligence in Medical Imaging (CLAIM)", Radiology: Artificial
Intelligence 2(2), 2020, doi 10.1148/ryai.2020200029. The items are shortened.
"""

from collections.abc import Mapping
from typing import Final

from components.model_card.content import ClaimItem

_ITEMS: Final = (
    "Title or abstract names the AI methods",
    "Structured summary",
    "Background, with the intended use and clinical role",
    "Objectives and hypotheses",
    "Prospective or retrospective",
    "Goal of the study",
    "Data sources",
    "Eligibility: how, where and when participants were found",
    "Preprocessing",
    "Selection of data subsets",
    "Definitions of data elements",
    "De-identification",
    "Handling of missing data",
    "Definition of the reference standard",
    "Why this reference standard",
    "Source of the annotations, and qualification of the annotators",
    "Annotation tools",
    "Variability between and within raters",
    "Intended sample size, and how it was determined",
    "How data were assigned to partitions, and their shares",
    "Level at which partitions are disjoint",
    "Model: inputs, outputs, layers, connections",
    "Software libraries and their versions",
    "Initialisation of the parameters",
    "Training: augmentation, hyperparameters, number of models",
    "How the final model was chosen",
    "Ensembling",
    "Measures of performance",
    "Measures of significance and uncertainty",
    "Robustness or sensitivity analysis",
    "Explainability",
    "Testing on external data",
    "Flow of cases, with numbers excluded and why",
    "Demographics and clinical characteristics in each partition",
    "Performance on all partitions",
    "Diagnostic accuracy and its precision",
    "Failure analysis",
    "Limitations",
    "Implications for practice, intended use and clinical role",
    "Registration number",
    "Where the full protocol is",
    "Funding, and the role of funders",
)


def claim_items(answers: Mapping[int, str]) -> list[ClaimItem]:
    """All items in order. Args: answers: by number, from 1."""
    return [
        ClaimItem(number=number, item=item, answer=answers.get(number, ""))
        for number, item in enumerate(_ITEMS, start=1)
    ]
