"""Images without a class, or of a class that nobody named."""

from components.data_checks.spec import CheckSpec, Evidence, Finding


def find(evidence: Evidence) -> list[Finding]:
    return [
        Finding(f"{entry.source}: {entry.unlabelled}", (entry.source,))
        for entry in evidence.entries
        if entry.unlabelled
    ]


CHECK = CheckSpec(
    name="unlabelled",
    title="Images without a known class",
    fix="move these files into the layout of the data set, correct its table, or name their class in data.labels or"
    " data.label_map",
    find=find,
)
