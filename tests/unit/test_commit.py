"""The commit that the lineage names."""

import subprocess
from pathlib import Path

import pytest

from pipeline import commit
from pipeline.commit import commit_of


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")
    finished = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return finished.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    _git(tmp_path, "add", "code.py")
    _git(tmp_path, "commit", "--quiet", "--message=first")
    return tmp_path


def test_the_commit_of_a_working_tree(repository: Path) -> None:
    assert commit_of(repository) == _git(repository, "rev-parse", "HEAD")


def test_changes_since_are_said(repository: Path) -> None:
    (repository / "other.py").write_text("new, and not tracked")
    before = commit_of(repository)
    (repository / "code.py").write_text("2")

    assert commit_of(repository) == f"{before}, with changes since"


def test_a_folder_within_a_repository_is_not_taken_for_its_top(repository: Path) -> None:
    (repository / "site-packages").mkdir()

    assert commit_of(repository / "site-packages") == ""


def test_what_is_no_repository_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commit_of(tmp_path) == ""
    (tmp_path / ".git").mkdir()
    assert commit_of(tmp_path) == "", "an empty folder of that name"

    def no_git(*arguments: object, **options: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(commit.subprocess, "run", no_git)
    assert commit_of(tmp_path) == ""
