"""Files that cannot be decoded, or are too small."""

from components.data_checks.spec import CheckSpec, Evidence, Finding


def find(evidence: Evidence) -> list[Finding]:
    return [Finding(f"{entry.source}: {entry.fault}", (entry.source,)) for entry in evidence.entries if entry.fault]


CHECK = CheckSpec(
    name="unreadable",
    title="Images that cannot be read",
    fix="repair or remove these files",
    find=find,
)
