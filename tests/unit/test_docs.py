"""The documentation names what there is."""

import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from pipeline.config import Config, shipped_configs

UNIONS = (Union, UnionType)
ROOT = Path(__file__).resolve().parents[2]


def keys_and_defaults(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if sections := sections_of(field.annotation):
            for section in reversed(sections):  # of a key that several have, the first one's default counts
                found |= keys_and_defaults(section, f"{prefix}{name}.")
        elif field.is_required():
            found[prefix + name] = "(needed)"
        elif field.default in ((), {}, "", None):
            found[prefix + name] = "(empty)"
        elif isinstance(field.default, tuple):
            found[prefix + name] = f"`[{','.join(map(str, field.default))}]`"
        elif isinstance(field.default, bool):
            found[prefix + name] = f"`{str(field.default).lower()}`"
        else:
            found[prefix + name] = f"`{field.default}`"
    return found


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The one that a field holds, or those of which it holds one."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    if get_origin(annotation) is Annotated:
        return sections_of(get_args(annotation)[0])
    members = [sections_of(member) for member in get_args(annotation)] if get_origin(annotation) in UNIONS else []
    return [section for member in members for section in member] if all(members) else []


def test_configuration_page_lists_every_key_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| (\S+|\([a-z]+\)) \|", page, re.MULTILINE))
    assert rows == keys_and_defaults(Config)


def test_every_shipped_configuration_is_listed() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = re.findall(r"^\| `([a-z_]+)` \|", readme, re.MULTILINE)
    reproductions = set(re.findall(r"\breproductions/[a-z0-9_]+\b", (ROOT / "docs" / "reproductions.md").read_text()))
    assert sorted([*listed, *reproductions]) == shipped_configs()


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_pages_name_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        named = re.findall(
            r"`((?:schema|serving|components|pipeline|tests|docs|scripts)/[\w./*-]*)`", page.read_text()
        )
        missing = [path for path in named if not any(ROOT.glob(path.rstrip("/")))]
        assert missing == [], page.name
