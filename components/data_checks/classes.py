"""Classes that a split lacks, or nearly."""

from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.manifest import images_per_class
from schema import contract


def find(evidence: Evidence) -> list[Finding]:
    least = evidence.settings.checks.minimum_images_per_class
    labels, entries = evidence.settings.labels, evidence.usable
    groups = {label: len({entry.group for entry in entries if entry.label == label}) for label in labels}
    return [
        Finding(
            f"split {split!r} has {images} images of class {label!r}, and at least {least} are needed"
            f" (the class has {groups[label]} groups in all, which are never divided)"
        )
        for split in contract.SPLITS
        for label, images in images_per_class(entries, split, labels).items()
        if images < least
    ]


CHECK = CheckSpec(
    name="classes",
    title="Classes that a split lacks",
    fix="add images of further patients to these classes, try another data.seed, or lower"
    " data.checks.minimum_images_per_class",
    find=find,
)
