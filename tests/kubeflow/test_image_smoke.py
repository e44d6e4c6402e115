"""The smoke test of the image fails where it should."""

import importlib
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from kubeflow.image import smoke
from pipeline.config import load_config
from pipeline.graph import Platform, build_pipeline


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    folder = tmp_path / "broken_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "works.py").touch()
    (folder / "incomplete.py").write_text("import a_library_that_there_is_not\n")
    (folder / "unlinked.py").write_text("raise OSError('libsomething.so.1: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("broken_package")
    for name in [name for name in sys.modules if name.partition(".")[0] == "broken_package"]:
        del sys.modules[name]


def test_modules_that_cannot_be_imported_are_named(package: types.ModuleType) -> None:
    with pytest.raises(smoke.UnusableImageError) as failure:
        smoke.import_everything((package,))
    assert failure.value.reasons == (
        "broken_package.incomplete: No module named 'a_library_that_there_is_not'",
        "broken_package.unlinked: libsomething.so.1: cannot open shared object file",
    )


def test_executors_are_those_of_the_graph() -> None:
    config = load_config("busi_mobilenet")
    graph = build_pipeline(config, Platform("/data", "", "/root", "/serving"))
    specs = [node.executor_spec for node in graph.components if isinstance(node, BaseComponent)]
    wanted = {spec.class_path for spec in specs if isinstance(spec, ExecutorClassSpec)}
    assert len(wanted) > 10
    assert wanted <= set(smoke.executor_paths())


def test_an_executor_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ["components.trainer.no_module.Executor", "pipeline.graph.NoExecutor"]
    monkeypatch.setattr(smoke, "executor_paths", lambda: paths)
    with pytest.raises(smoke.UnusableImageError) as failure:
        smoke.import_executors()
    assert failure.value.reasons == tuple(f"{path}: Could not import {path}" for path in paths)


def test_a_command_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smoke.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(smoke.UnusableImageError, match=f"{tmp_path}/breast-imaging does not answer"):
        smoke.answer_help()


def test_a_command_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "breast-imaging"
    command.write_text("#!/bin/sh\nexit 3\n")
    command.chmod(0o755)
    monkeypatch.setattr(smoke.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(smoke.UnusableImageError, match="exit status 3"):
        smoke.answer_help()


def confine(monkeypatch: pytest.MonkeyPatch, user: int, writable: tuple[str, ...]) -> None:
    """As if this process were another's, who may write below these folders alone."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path).startswith(writable))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(smoke.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_confinement_passes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    confine(monkeypatch, 65532, (str(home),))
    assert smoke.check_confinement() == "confined, as user 65532"


@pytest.mark.parametrize(
    ("user", "installation_writable", "home_writable", "reason"),
    [
        (0, False, True, "the user is root"),
        (65532, True, True, "site-packages can be changed"),
        (65532, False, False, "cannot be written to"),
    ],
)
def test_what_is_not_confined_is_refused(
    user: int,
    installation_writable: bool,
    home_writable: bool,
    reason: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writable = [smoke.sysconfig.get_path("purelib")] * installation_writable + [str(home)] * home_writable
    confine(monkeypatch, user, tuple(writable))
    with pytest.raises(smoke.UnusableImageError) as failure:
        smoke.check_confinement()
    assert failure.value.reasons[0].endswith(reason)


def test_the_first_failure_ends_it_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise smoke.UnusableImageError("No good.", fix="do it again")

    monkeypatch.setattr(smoke, "CHECKS", (lambda: "fine", fail, lambda: "never reached"))
    assert smoke.main() == 1
    captured = capsys.readouterr()
    assert captured.out == "fine\n"
    assert captured.err == "No good.\nWhat to do: do it again\n"
