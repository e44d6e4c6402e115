"""The steps that build the image, executed without Docker; and what they install, used as a cluster would."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests.kubeflow.container_image import DOCKERFILE, IMAGE, ROOT, USER, locked_versions, run_step

pytestmark = pytest.mark.slow

UV_FOLDER = Path(sys.executable).parent
PROJECT = "breast-imaging"


@dataclass(frozen=True)
class Build:
    """What the steps have made.

    Attributes:
        source: what Docker would be sent.
        tools: what builds the image.
        environment: what goes into it.
    """

    source: Path
    tools: Path
    environment: Path

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"


@pytest.fixture(scope="module")
def build() -> Iterator[Build]:
    """Of the development environment's interpreter, or one like it that others may run too."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o755)
        built = Build(work / "source", work / "tools", work / "environment")
        _copy_sources(built.source)
        steps = built.source / "kubeflow" / "image"
        python = {"PYTHON": interpreter()}
        run_step(steps / "install-packages", steps / "tools.lock", built.tools, path=UV_FOLDER, environment=python)
        path = built.tools / "bin"
        lock = steps / "requirements-cpu.lock"
        run_step(steps / "install-packages", lock, built.environment, path=path, environment=python)
        run_step(steps / "build-wheel", work / "wheels", path=path, environment=python)
        (wheel,) = (work / "wheels").glob("*.whl")
        run_step(steps / "install-project", wheel, built.environment, path=path)
        yield built


def _copy_sources(target: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    target.mkdir()
    for name in (line[1:] for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, target)


def interpreter() -> str:
    """Of this one's release, so that it takes the wheels that this one has taken."""
    name = f"python3.{sys.version_info.minor}"
    choices = [os.path.realpath(sys.executable), f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    return next((choice for choice in choices if _runs_for_others(choice)), choices[0])


def _runs_for_others(python: str) -> bool:
    # By `env`, since setpriv finds its command while it may still read everything.
    tried = subprocess.run(confined("env", python, "-c", "import venv"), check=False, capture_output=True)
    return tried.returncode == 0


def confined(*command: str) -> list[str]:
    """The command of a user who is not root."""
    if os.geteuid() != 0:
        return list(command)
    setpriv = shutil.which("setpriv")
    assert setpriv, "util-linux is not installed"
    user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    return [setpriv, *user, *command]


def installed(build: Build) -> dict[str, str]:
    listed = run_step(
        "uv", "pip", "list", "--quiet", "--format=json", "--python", build.python, path=build.tools / "bin"
    )
    return {canonicalize_name(package["name"]): package["version"] for package in json.loads(listed)}


def test_what_is_installed_is_the_lock_and_the_project_alone(build: Build) -> None:
    entries = locked_versions(IMAGE / "requirements-cpu.lock")
    wanted = {
        canonicalize_name(line.split("==")[0].split("[")[0]): version
        for line, version in entries.items()
        if Marker(line.split(" ; ")[1]).evaluate()
    }
    found = installed(build)
    assert found.pop(PROJECT) == "0.1.0"
    assert found == wanted


def test_a_user_who_may_change_nothing_can_use_it(build: Build, tmp_path_factory: pytest.TempPathFactory) -> None:
    if os.geteuid() == 0 and not _runs_for_others(interpreter()):
        pytest.skip("not run: no interpreter of this release is there for users other than root")
    with tempfile.TemporaryDirectory() as home:
        if os.geteuid() == 0:
            os.chown(home, USER, USER)
        finished = subprocess.run(
            confined("/usr/bin/env", str(build.python), "-m", "kubeflow.image.smoke"),
            env={"PATH": str(build.environment / "bin"), "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    if os.geteuid() != 0:  # whoever installs can change what is there
        assert "can be changed" in finished.stderr
        return
    assert finished.returncode == 0, finished.stderr
    modules, executors, command, confinement = finished.stdout.splitlines()
    assert int(modules.split(" ")[0]) > 300
    assert int(executors.split(" ")[0]) > 15
    assert command == f"{build.environment}/bin/breast-imaging answers"
    assert confinement == f"confined, as user {USER}"


def test_only_the_owner_can_change_it_and_all_can_read_it(build: Build) -> None:
    for folder, _, names in os.walk(build.environment):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                assert not mode & stat.S_IWOTH, path
                assert mode & stat.S_IROTH, path


def test_bill_of_materials_lists_what_is_installed_and_nothing_else(build: Build, tmp_path: Path) -> None:
    bill = tmp_path / "sbom.cdx.json"
    run_step(IMAGE / "sbom", build.environment, bill, path=build.tools / "bin")
    content = json.loads(bill.read_text())
    assert content["bomFormat"] == "CycloneDX"
    found = {canonicalize_name(component["name"]): component["version"] for component in content["components"]}
    assert found == installed(build)


def test_a_package_with_another_hash_is_refused(build: Build, tmp_path: Path) -> None:
    lines = (IMAGE / "tools.lock").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("six=="))
    (tmp_path / "tools.lock").write_text((IMAGE / "tools.lock").read_text())
    lock = tmp_path / "other.lock"
    lock.write_text(f"{lines[start]}\n    --hash=sha256:{'0' * 64}\n")
    with pytest.raises(AssertionError, match="Hash mismatch for `six"):
        run_step(IMAGE / "install-packages", lock, tmp_path / "environment", path=build.tools / "bin")


def test_hadolint_finds_no_fault(build: Build) -> None:
    assert run_step("hadolint", DOCKERFILE, path=build.tools / "bin") == ""
