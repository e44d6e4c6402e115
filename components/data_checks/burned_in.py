"""Frames and text in the picture: a model may read them, and they may name a patient."""

from typing import Final

from components.data_checks.spec import CheckSpec, Evidence, Finding

LEAST_MARKINGS: Final = 0.004


def find(evidence: Evidence) -> list[Finding]:
    return [
        Finding(f"{entry.source}: sharp bright marks on the dark margin, such as a frame or text", (entry.source,))
        for entry in evidence.usable
        if entry.markings >= LEAST_MARKINGS
    ]


CHECK = CheckSpec(
    name="burned_in",
    title="Burned-in frames or text",
    fix="crop or blank the margins, and make sure that no text names a patient",
    find=find,
)
