"""What `setup.py` packs is all that a worker needs."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schema", "serving", "components", "pipeline", "kubeflow")
# What makes images, clusters and generated modules; no program reads it.
SOURCES_OF_OTHERS = ("kubeflow/image/", "kubeflow/manifests/", "serving/wire/messages.proto")


def test_the_source_distribution_has_all_that_programs_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, project)

    subprocess.run([sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path)], cwd=project, check=True)

    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    needed = {
        path.relative_to(project).as_posix()
        for package in PACKAGES
        for path in (project / package).rglob("*")
        if path.is_file()
    }
    missing = sorted(needed - packed)
    assert [name for name in missing if not name.startswith(SOURCES_OF_OTHERS)] == []
    assert {"setup.py", "pyproject.toml", "README.md"} <= packed
    assert {"schema/schema.pbtxt", "pipeline/configs/synthetic.yaml"} <= packed
