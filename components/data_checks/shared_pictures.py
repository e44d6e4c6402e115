"""One picture under the names of different patients: then at least one name is wrong."""

from components.data_checks.same_picture import certain_pairs
from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.manifest import entries_of_pairs


def find(evidence: Evidence) -> list[Finding]:
    pairs = certain_pairs(evidence)
    patients = {source: entry.patient for source, entry in entries_of_pairs(evidence.usable, pairs).items()}
    return [
        Finding(
            f"{pair.first} ({patients[pair.first]}) and {pair.second} ({patients[pair.second]})",
            (pair.first, pair.second),
        )
        for pair in pairs
        if patients[pair.first] and patients[pair.second] and patients[pair.first] != patients[pair.second]
    ]


CHECK = CheckSpec(
    name="shared_pictures",
    title="One picture under the names of different patients",
    fix="find out whose picture it is, and correct the names",
    find=find,
)
