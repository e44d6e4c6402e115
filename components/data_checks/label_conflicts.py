"""One picture with different labels: nobody can tell which is right, and a model cannot learn both."""

from components.data_checks.same_picture import same_pictures
from components.data_checks.spec import CheckSpec, Evidence, Finding, name_images
from components.manifest import ManifestEntry


def find(evidence: Evidence) -> list[Finding]:
    return [
        Finding(
            name_images([f"{entry.source} ({entry.label})" for entry in _one_of_each_label_first(same)]),
            tuple(entry.source for entry in same),
        )
        for same in same_pictures(evidence)
        if len({entry.label for entry in same}) > 1
    ]


def _one_of_each_label_first(same: list[ManifestEntry]) -> list[ManifestEntry]:
    """So that a list that is cut still shows the conflict."""
    first = {entry.label: entry.source for entry in reversed(same)}
    return sorted(same, key=lambda entry: entry.source != first[entry.label])


CHECK = CheckSpec(
    name="label_conflicts",
    title="One picture with different labels",
    fix="find out which label is right, and remove the other file",
    find=find,
)
