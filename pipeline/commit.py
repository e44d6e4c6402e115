"""Which commit of the code runs."""

import subprocess
from pathlib import Path


def current_commit() -> str:
    """The commit of this code; empty where it is not known, as that of an installed package."""
    return commit_of(Path(__file__).resolve().parent.parent)


def commit_of(folder: Path) -> str:
    """What a working tree has checked out, with a word on changes since; empty for any other folder.

    Args:
        folder: the top of the tree. A folder below one may belong to another project.
    """
    if not (folder / ".git").exists():
        return ""
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}, with changes since" if commit and changed else commit


def _git(folder: Path, *arguments: str) -> str:
    """What the command prints; nothing where it fails, or is not there."""
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return finished.stdout.strip() if finished.returncode == 0 else ""
