"""The Dockerfile, its lock files and the tag: what can be said of them without a build."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployment import read_yaml
from tests.kubeflow.container_image import IMAGE, ROOT, USER, instructions, locked_versions

TARGETS = ("cpu", "gpu")
STAGES = {each.stage for each in instructions()} - {""}
# Of the image that is pushed: the base, what both targets share, and the target.
FINAL_STAGES = ("base", "runtime", *TARGETS)


def of(keyword: str, *stages: str) -> list[str]:
    return [each.value for each in instructions() if each.keyword == keyword and each.stage in (stages or STAGES)]


# The Dockerfile


def test_base_is_pinned_by_its_digest() -> None:
    arguments = dict(value.split("=", 1) for value in of("ARG", "") if "=" in value)
    assert re.fullmatch(r"docker\.io/library/python:3\.13-slim-trixie", arguments["BASE_IMAGE"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", arguments["BASE_DIGEST"])
    assert of("FROM", "base") == ["${BASE_IMAGE}@${BASE_DIGEST} AS base"]


def test_every_other_stage_stands_on_one_of_its_own_or_on_nothing() -> None:
    bases = {value.split(" AS ")[0] for value in of("FROM") if not value.endswith(" AS base")}
    assert bases <= STAGES | {"scratch"}


@pytest.mark.parametrize("target", TARGETS)
def test_user_is_a_number_other_than_root(target: str) -> None:
    assert of("USER", "base", "runtime", target) == [f"{USER}:{USER}"]
    last = [each for each in instructions() if each.stage == target][-1]
    assert last.keyword == "USER"


def test_commands_are_in_exec_form() -> None:
    for keyword in ("ENTRYPOINT", "CMD"):
        (value,) = of(keyword, *FINAL_STAGES)
        assert re.fullmatch(r'\["[^"]+"\]', value)


def test_nothing_is_fetched_but_by_its_hash() -> None:
    assert of("ADD") == []
    commands = " ".join(of("RUN"))
    assert re.findall(r"\b(curl|wget|apt-get|git clone|npm)\b", commands) == []
    assert len(re.findall(r"pip install", commands)) == len(re.findall(r"--require-hashes", commands)) == 1
    assert "--require-hashes" in (IMAGE / "install-packages").read_text()


def test_no_secret_is_kept() -> None:
    names = re.findall(r"\b([A-Z_]+)(?:=|$)", " ".join([*of("ARG", "", *STAGES), *of("ENV")]))
    assert [name for name in names if re.search(r"TOKEN|PASSWORD|SECRET|KEY|INDEX", name)] == []
    secrets = re.findall(r"--mount=type=secret,id=(\S+?),", " ".join(of("RUN")))
    assert set(secrets) == {"pip.conf", "uv.toml"}


@pytest.mark.parametrize("target", TARGETS)
def test_tools_stay_out_of_the_image(target: str) -> None:
    copied = of("COPY", "runtime", target)
    assert copied == [f"--from=packages-{target} /opt/breast-imaging /opt/breast-imaging"]
    assert all("type=bind" in command for command in of("RUN", target))


@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_made_of_their_own_lock(target: str) -> None:
    (command,) = of("RUN", f"packages-{target}")
    assert f"install-packages kubeflow/image/requirements-{target}.lock /opt/breast-imaging" in command


def test_modules_are_byte_compiled() -> None:
    assert "UV_COMPILE_BYTECODE=1" in " ".join(of("ENV", "tools"))
    for target in TARGETS:
        assert "UV_COMPILE_BYTECODE=1 /src/kubeflow/image/install-project" in " ".join(of("RUN", target))


@pytest.mark.parametrize("target", TARGETS)
def test_smoke_test_and_bill_of_materials_are_of_what_is_pushed(target: str) -> None:
    assert of("FROM", f"smoke-{target}") == [f"{target} AS smoke-{target}"]
    assert of("RUN", f"smoke-{target}") == ['["python", "-m", "kubeflow.image.smoke"]']
    assert of("FROM", f"listed-{target}") == [f"{target} AS listed-{target}"]
    assert of("COPY", f"sbom-{target}") == [f"--from=listed-{target} /tmp/sbom.cdx.json /"]


def test_labels_say_where_the_image_comes_from() -> None:
    (labels,) = of("LABEL")
    assert 'org.opencontainers.image.revision="${COMMIT}"' in labels
    assert 'org.opencontainers.image.version="${VERSION}"' in labels


@pytest.mark.parametrize("missing", ["COMMIT", "VERSION"])
def test_nothing_is_built_that_does_not_say_where_it_comes_from(missing: str) -> None:
    command = of("RUN", "wheel")[0]
    given = {"COMMIT": "0" * 40, "VERSION": "1.2.3"}
    assert subprocess.run(["sh", "-c", command], env=given, check=False).returncode == 0
    del given[missing]
    refused = subprocess.run(["sh", "-c", command], env=given, check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert f"give --build-arg {missing}=$(" in refused.stderr


def test_only_what_is_needed_is_sent_to_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line[1:] for line in lines if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert sent == packages | {"pyproject.toml", "setup.py", "README.md"}


# The lock files


def test_locks_hold_what_the_development_lock_holds() -> None:
    development = locked_versions(ROOT / "requirements.lock")
    cpu = locked_versions(IMAGE / "requirements-cpu.lock")
    assert cpu.items() <= development.items()
    names = {line.split("==")[0].split("[")[0] for line in cpu}
    assert {"tensorflow", "tfx", "kfp", "apache-beam"} <= names
    assert not {"pytest", "mypy", "ruff", "playwright"} & names


def test_gpu_adds_only_the_libraries_of_cuda() -> None:
    cpu, gpu = (locked_versions(IMAGE / f"requirements-{target}.lock") for target in TARGETS)
    assert cpu.items() <= gpu.items()
    added = {line.split("==")[0] for line in gpu.keys() - cpu.keys()}
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-nccl-cu12"} <= added
    assert all(name.startswith("nvidia-") for name in added)


@pytest.mark.parametrize("name", ["requirements-cpu", "requirements-gpu", "tools"])
def test_every_entry_has_a_hash_and_none_names_a_host(name: str) -> None:
    text = (IMAGE / f"{name}.lock").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.fullmatch(r"\S+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", entry), entry


# The tag


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(ROOT / "scripts" / "image-tag", scripts)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.3"\n')
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def image_tag(repository: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([repository / "scripts" / "image-tag"], capture_output=True, text=True, check=False)


def test_tag_names_version_and_commit(repository: Path) -> None:
    tag = image_tag(repository)
    assert tag.stdout == f"1.2.3-{git(repository, 'rev-parse', 'HEAD')[:12]}\n", tag.stderr


@pytest.mark.parametrize("changed", ["pyproject.toml", "new_file.py"])
def test_a_tree_with_changes_has_no_tag(repository: Path, changed: str) -> None:
    (repository / changed).write_text("# changed\n")
    tag = image_tag(repository)
    assert (tag.returncode, tag.stdout) == (1, "")
    assert changed in tag.stderr
    assert "Commit them" in tag.stderr


def test_a_folder_without_commits_has_no_tag(repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    tag = image_tag(repository)
    assert (tag.returncode != 0, tag.stdout) == (True, "")


# The workflow


def test_workflow_lints_tries_and_lists_before_it_pushes_and_pushes_tags_alone() -> None:
    workflow = read_yaml(ROOT / ".github" / "workflows" / "image.yml")
    job = workflow["jobs"]["image"]
    assert job["needs"] == "lint"
    assert "hadolint kubeflow/image/Dockerfile" in workflow["jobs"]["lint"]["steps"][-1]["run"]
    assert tuple(job["strategy"]["matrix"]["target"]) == TARGETS
    names = [step.get("name") for step in job["steps"]]
    order = [names.index(name) for name in ("Build", "Try it as a cluster would", "List what is in it")]
    push = job["steps"][-1]
    assert order == sorted(order)
    assert push["name"].startswith("Push")
    assert push["if"] == "startsWith(github.ref, 'refs/tags/')"
    assert "continue-on-error" not in str(workflow)
    tried = job["steps"][order[1]]["run"]
    for confinement in ("--read-only", "--tmpfs /tmp", "--network none", "--cap-drop ALL", "no-new-privileges"):
        assert confinement in tried


def test_workflow_takes_actions_at_a_commit() -> None:
    used = re.findall(r"uses: (\S+)", (ROOT / ".github" / "workflows" / "image.yml").read_text())
    assert len(used) >= 4
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
