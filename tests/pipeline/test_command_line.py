"""The console command as a person uses it: a process, its output, its exit code."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.cli.main import run_app
from tests.component import pictures
from tests.pipeline.conftest import published_versions

COMMAND = str(Path(sys.executable).with_name("breast-imaging"))
DEADLINE_SECONDS = 240


def breast_imaging(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=DEADLINE_SECONDS,
        stdin=subprocess.DEVNULL,
    )


class InProcess:
    """The same command within this process, which has the heavy imports behind it."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        self._capture.readouterr()
        code = run_app([str(argument) for argument in arguments])
        printed = self._capture.readouterr()
        return subprocess.CompletedProcess([], code, printed.out, printed.err)


@pytest.fixture
def in_process(capsys: pytest.CaptureFixture[str]) -> InProcess:
    return InProcess(capsys)


@pytest.fixture(scope="module")
def published(
    configuration_file: Path, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """An output folder with one published version, and what the command printed."""
    output = tmp_path_factory.mktemp("published")
    finished = breast_imaging("run", "--config", configuration_file, "--data", image_folder, "--output", output)
    assert finished.returncode == 0, finished.stderr
    return output, finished.stdout


def test_run_publishes_and_ends_with_a_summary(published: tuple[Path, str]) -> None:
    output, printed = published
    (version,) = published_versions(output)
    lines = [line.strip() for line in printed.splitlines()]
    assert "reading images: 120 of 120" in lines
    assert any(line.startswith("training: 10 of 10 loss ") for line in lines)
    assert any(line.startswith("Trainer ") and line.endswith(" s") for line in lines)
    counts = {line.split()[0]: line.split()[1:] for line in lines if re.fullmatch(r"\w+( +\d+){3}", line)}
    assert counts == {"train": ["42", "42", "28"], "eval": ["9", "9", "6"], "test": ["9", "9", "6"]}
    assert "Blessed:   yes, but not certified (clinical.certify is off)" in lines
    assert f"Published: {output}/serving/small/{version}" in lines
    assert f"Report:    {output}/report/index.html" in lines
    assert f"Published as version {version}" in (output / "report" / "index.html").read_text()


def test_nothing_but_progress_is_printed(published: tuple[Path, str]) -> None:
    assert "absl" not in published[1]
    assert "tensorflow" not in published[1].lower()
    (log,) = (published[0] / "logs").glob("run-*.log")
    assert "Component Trainer is finished." in log.read_text(errors="replace")


def test_output_folder_has_the_documented_layout(published: tuple[Path, str]) -> None:
    names = {path.name for path in published[0].iterdir() if not path.name.startswith(".")}
    assert names == {"metadata.sqlite", "pipeline_root", "serving", "evaluation", "report", "logs"}


def test_the_published_version_carries_its_cards(published: tuple[Path, str]) -> None:
    output, _ = published
    (version,) = published_versions(output)
    extras = output / "serving" / "small" / version / "assets.extra"
    model_card = json.loads((extras / "model_card.json").read_text())
    evaluation = json.loads((output / "evaluation" / "clinical_evaluation.json").read_text())
    assert model_card["evaluation"] == evaluation
    assert json.loads((extras / "data_card.json").read_text())["splits"]["test"]["groups"] == 6
    assert "**NOT CERTIFIED.**" in (extras / "model_card.md").read_text()


@pytest.mark.slow
def test_a_published_model_is_evaluated_on_a_folder_and_compared_with_its_run(
    published: tuple[Path, str],
    configuration_file: Path,
    image_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_process: "InProcess",
) -> None:
    """All 120 images, of which the run tested 18; `--model` names the folder of the versions."""
    output, _ = published
    options = ("--config", configuration_file, "--data", image_folder, "--output", tmp_path / "out")
    finished = breast_imaging(
        "evaluate", "--model", output / "serving" / "small", *options, "--json", tmp_path / "found.json"
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["cohort"]["images"] == {"benign": 60, "malignant": 60}
    assert (found["cohort"]["groups"], found["splits"]) == (40, ["train", "eval", "test"])
    assert found["model"] == "small"
    assert f"{found['discrimination']['auc']['value']:.3f} (" in finished.stdout
    assert sum(map(sum, found["operating_point"]["confusion"])) == 120
    assert not (tmp_path / "out" / "serving").exists()
    assert (tmp_path / "out" / "report" / "index.html").is_file()

    monkeypatch.setenv("COLUMNS", "200")
    compared = in_process("compare", output, tmp_path / "out", "--json", tmp_path / "compared.json")
    assert compared.returncode == 0, compared.stderr
    (difference,) = json.loads((tmp_path / "compared.json").read_text())["differences"]
    assert difference["images"] == 18
    assert difference["difference"]["auc"]["value"] == 0, "the same model on the same images"
    assert difference["difference"]["p_value"] == 1


def test_what_cannot_be_evaluated_ends_with_4(
    published: tuple[Path, str], configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    options = ("--config", configuration_file, "--data", image_folder, "--output", tmp_path / "out")
    nothing = breast_imaging("evaluate", "--model", tmp_path, *options)
    assert nothing.returncode == 4
    assert f"There is no model in {tmp_path}." in nothing.stderr

    model = published[0] / "serving" / "small"
    other = breast_imaging("evaluate", "--model", model, *options, "--set", "data.positive_label=benign")
    assert other.returncode == 4
    assert "(positive: malignant); the configuration names" in other.stderr
    assert "Traceback" not in nothing.stderr + other.stderr


def test_model_that_falls_short_ends_with_3_and_leaves_what_was_published(
    published: tuple[Path, str], configuration_file: Path, image_folder: Path
) -> None:
    output, _ = published
    before = published_versions(output)
    finished = breast_imaging(
        "run",
        "--config",
        configuration_file,
        "--data",
        image_folder,
        "--output",
        output,
        "--set",
        "gate.minimum_auc=1.0",
    )
    assert finished.returncode == 3
    assert "The model was not blessed" in finished.stderr
    assert "test AUC: " in finished.stderr
    assert "short of 1.000" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert published_versions(output) == before


def with_faults(image_folder: Path, target: Path) -> Path:
    """A copy of the folder with faults of four kinds."""
    shutil.copytree(image_folder, target)
    broken = target / "benign" / "patient 07 (1).png"
    broken.write_bytes(broken.read_bytes()[:200])
    shutil.copyfile(target / "benign" / "patient 08 (0).png", target / "malignant" / "patient 08 (0).png")
    added = {"malignant/patient 10 (0)_mask.png": "patient 10 (0).png", "elsewhere/stray.png": "patient 11 (0).png"}
    groups = target / "groups.csv"
    for path, source in added.items():
        (target / path).parent.mkdir(exist_ok=True)
        shutil.copyfile(target / "malignant" / source, target / path)
        groups.write_text(groups.read_text() + f"{path},malignant {source[8:10]}\n")
    return target


FAULTS = {
    "unreadable": "benign/patient 07 (1).png: the image is damaged or truncated",
    "unlabelled": "elsewhere/stray.png: the class 'elsewhere' is none of benign, malignant",
    "annotations": "malignant/patient 10 (0)_mask.png: the name is that of a mask or another annotation",
    "label_conflicts": "benign/patient 08 (0).png (benign), malignant/patient 08 (0).png (malignant)",
}


def test_refused_data_end_with_2_and_every_kind_of_reason_and_when_mended_the_run_carries_on(
    published: tuple[Path, str], configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    output, _ = published
    before = published_versions(output)
    data = with_faults(image_folder, tmp_path / "data")
    refused = breast_imaging("run", "--config", configuration_file, "--data", data, "--output", output)
    assert refused.returncode == 2
    assert "DataGate failed. The data gate refuses these data: 4 findings of 4 kinds." in refused.stderr
    for check, reason in FAULTS.items():
        assert f"({check}, 1 found): " in refused.stderr
        assert f"--set data.checks.{check}=drop" in refused.stderr
        assert reason in refused.stderr
    assert "What to do: " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "ExampleValidator" in steps(refused.stdout)
    assert not {"Transform", "Trainer", "Evaluator", "Pusher", "RunReport"} & set(steps(refused.stdout))
    assert published_versions(output) == before

    mended = breast_imaging("run", "--config", configuration_file, "--data", image_folder, "--output", output)
    assert mended.returncode == 0, mended.stderr
    assert {"ImageExampleGen", "DataGate", "Transform", "Trainer", "Pusher"} <= set(cached_steps(mended.stdout))
    assert "Nothing changed since an earlier run" in mended.stdout
    assert published_versions(output) == before


def steps(printed: str) -> list[str]:
    """The components that ended, in their order."""
    ended = (re.fullmatch(r"(\w+) +(done in [\d.]+ s|cached)", line) for line in printed.splitlines())
    return [match[1] for match in ended if match]


def cached_steps(printed: str) -> list[str]:
    return [line.split()[0] for line in printed.splitlines() if line.endswith(" cached")]


def test_debug_shows_the_traceback(configuration_file: Path, image_folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    finished = breast_imaging(
        "run", "--config", configuration_file, "--data", empty, "--output", tmp_path / "out", "--debug"
    )
    assert finished.returncode == 2
    assert f"The data folder {empty} is empty." in finished.stderr
    assert "Traceback (most recent call last):" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--config", "bussi"], "did you mean 'busi'?"),
        (
            ["run", "--config", "synthetic", "--set", "train.epoch=3"],
            "train.epoch: there is no such key; did you mean 'epochs'?",
        ),
        (["run", "--config", "synthetic", "--set", "train.epochs=many"], "train.epochs: "),
        (["run", "--config", "busi"], "name its folder with --data DIR"),
        (["run", "--config", "busi", "--data", "nowhere"], "The data folder nowhere does not exist."),
        (["run"], "Missing option '--config'"),
        (["train"], "No such command 'train'"),
    ],
)
def test_bad_usage_ends_with_4_and_says_what_to_do(arguments: list[str], message: str, tmp_path: Path) -> None:
    finished = breast_imaging(*arguments, cwd=tmp_path)
    assert finished.returncode == 4
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr


def test_output_that_cannot_be_written_ends_with_4(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    finished = breast_imaging("run", "--config", "synthetic", "--output", file / "out")
    assert finished.returncode == 4
    assert f"The output folder {file}/out cannot be written to" in finished.stderr


def test_second_run_into_the_same_output_is_refused(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    import fcntl

    output = tmp_path / "out"
    output.mkdir()
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished = breast_imaging("run", "--config", configuration_file, "--data", image_folder, "--output", output)
    assert finished.returncode == 1
    assert "Another run is using the output folder" in finished.stderr


def start_until(marker: str, arguments: list[str | Path]) -> subprocess.Popen[str]:
    """Starts the command and returns when its output shows the marker."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if marker in line:
            return process
    raise AssertionError(f"{marker!r} never came; {process.stderr.read() if process.stderr else ''}")


def processes_of(output: Path) -> list[str]:
    """Process ids, other than this one, that hold a file of the output folder open."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            opened = [str(link.readlink()) for link in (folder / "fd").iterdir()]
        except OSError:
            continue
        if any(path.startswith(str(output)) for path in opened):
            found.append(folder.name)
    return found


def interrupt(arguments: list[str | Path], output: Path, marker: str, number: signal.Signals) -> None:
    """Starts a run, stops it when the marker shows, and checks what it leaves behind."""
    process = start_until(marker, arguments)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Interrupted. Finished components are kept" in errors
    assert "Traceback" not in errors
    assert processes_of(output) == []
    assert not (output / "serving").exists()


@pytest.mark.slow
def test_interrupted_run_says_so_and_the_same_command_carries_on(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments: list[str | Path] = ["run", "--config", configuration_file, "--data", image_folder, "--output", output]
    interrupt(arguments, output, "reading images", signal.SIGTERM)
    interrupt(arguments, output, "Transform", signal.SIGINT)
    finished = breast_imaging(*arguments)
    assert finished.returncode == 0
    assert set(cached_steps(finished.stdout)) == {
        "ImageExampleGen",
        "ImportSchemaGen",
        "StatisticsGen",
        "ExampleValidator",
        "DataGate",
        "Transform",
    }
    assert len(published_versions(output)) == 1


def test_killed_worker_is_explained(configuration_file: Path, image_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = start_until(
        "reading images", ["run", "--config", configuration_file, "--data", image_folder, "--output", output]
    )
    deadline = time.monotonic() + 30
    while not (workers := [pid for pid in processes_of(output) if pid != str(process.pid)]):
        assert time.monotonic() < deadline
    os.kill(int(workers[0]), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "was killed by SIGKILL without a word" in errors
    assert "memory ran out" in errors


def test_describe_prints_counts_sizes_and_formats(
    in_process: InProcess, configuration_file: Path, image_folder: Path
) -> None:
    finished = in_process("data", "describe", "--config", configuration_file, "--data", image_folder)
    assert finished.returncode == 0
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "train 42 42 28" in lines
    assert "test 9 9 6" in lines
    assert "width x height: from 36x36, median 36x36, to 36x36 pixels" in lines
    assert "formats: png, 8 bits, grey: 120" in lines
    assert "images per group: 3: 40 groups" in lines


def test_describe_counts_faulty_images_and_goes_on(
    in_process: InProcess, configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    data = with_faults(image_folder, tmp_path / "data")
    finished = in_process(
        "data", "describe", "--config", configuration_file, "--data", data, "--set", "data.checks.annotations=drop"
    )
    assert finished.returncode == 0, finished.stderr
    assert "cannot be used: 2" in finished.stdout
    assert "left out: 1\n  malignant/patient 10 (0)_mask.png: Masks and other annotations" in finished.stdout
    assert "`breast-imaging data audit` looks for faults." in finished.stdout


def test_audit_of_sound_data_ends_with_0(
    in_process: InProcess, configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found.json"
    finished = in_process("data", "audit", "--config", configuration_file, "--data", image_folder, "--json", found)
    assert finished.returncode == 0, finished.stderr
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "train 42 42 28" in lines
    assert "Images that cannot be read fail 0 0" in lines
    assert "120 images looked at. The data pass." in lines
    assert "refused" not in finished.stdout
    audit = json.loads(found.read_text())
    assert (audit["configuration"], audit["accepted"], audit["images"]) == ("small", True, 120)
    assert [result["findings"] for result in audit["results"]] == [[]] * len(audit["results"])
    assert not any(path.name != "found.json" for path in tmp_path.iterdir())


def test_audit_of_faulty_data_ends_with_2_and_writes_all_findings(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    data, found = with_faults(image_folder, tmp_path / "data"), tmp_path / "found.json"
    for number in range(15):
        (data / "benign" / f"patient 1{number % 10} ({number // 10}).png").write_bytes(b"")
    found.write_text("an earlier one")
    finished = breast_imaging("data", "audit", "--config", configuration_file, "--data", data, "--json", found)
    assert finished.returncode == 2
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "Images that cannot be read fail 16 0 refused" in lines
    assert "One picture with different labels fail 1 0 refused" in lines
    assert "Negatives fail 0 0" in lines
    assert lines[-1] == "122 images looked at. The data gate would refuse these data."
    assert "... and 6 more (--json FILE has all)" in lines
    assert any("or accept with --set data.checks.unreadable=drop" in line for line in lines)
    assert "Traceback" not in finished.stderr

    audit = json.loads(found.read_text())
    results = {result["check"]: result for result in audit["results"]}
    assert audit["accepted"] is False
    assert {check: len(result["findings"]) for check, result in results.items() if result["findings"]} == {
        "unreadable": 16,
        "unlabelled": 1,
        "annotations": 1,
        "label_conflicts": 1,
        "shared_pictures": 1,
    }
    for check, reason in FAULTS.items():
        assert any(finding.startswith(reason) for finding in results[check]["findings"])
        assert results[check]["policy"] == "fail"
        assert results[check]["fix"]


def test_audit_obeys_the_policies(
    in_process: InProcess, configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    data = with_faults(image_folder, tmp_path / "data")
    accepted = [argument for check in FAULTS for argument in ("--set", f"data.checks.{check}=drop")]
    finished = in_process("data", "audit", "--config", configuration_file, "--data", data, *accepted)
    assert finished.returncode == 0, finished.stderr
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "One picture with different labels drop 0 2" in lines
    assert lines[-1] == "122 images looked at. The data pass."


@pytest.mark.parametrize("command", ["audit", "leakage-gap"])
def test_findings_that_cannot_be_written_end_with_4(
    in_process: InProcess, command: str, configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "no such folder" / "found.json"
    seeds = ["--seeds", "2"] if command == "leakage-gap" else []
    finished = in_process(
        "data", command, "--config", configuration_file, "--data", image_folder, "--json", target, *seeds
    )
    assert finished.returncode == 4
    assert f"cannot be written to {target} (No such file or directory)" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three copies of each of forty pictures, of which none says anything of its class; no patient is named."""
    root = tmp_path_factory.mktemp("copies")
    for number in range(40):
        folder = root / ("benign", "malignant")[number % 2]
        folder.mkdir(exist_ok=True)
        picture = pictures.texture(number)
        for copy, quality in enumerate((30, 60, 90)):
            (folder / f"{number:02d} {copy}.jpg").write_bytes(pictures.compressed(picture, quality))
    return root


def test_leakage_gap_of_copies(in_process: InProcess, copies: Path, tmp_path: Path) -> None:
    figures = tmp_path / "gap.json"
    finished = in_process("data", "leakage-gap", "--config", "image_folder", "--data", copies, "--json", figures)
    assert finished.returncode == 0, finished.stderr
    gap = json.loads(figures.read_text())
    assert (gap["images"], gap["groups"], gap["seeds"]) == (120, 40, 10)
    assert gap["random"]["auc"]["mean"] > 0.95
    assert gap["random"]["related"] > 0.9
    assert gap["grouped"]["related"] == 0.0
    assert gap["grouped"]["auc"]["mean"] < 0.75, "the pictures say nothing of their class"
    assert gap["auc_gap"]["mean"] == pytest.approx(gap["random"]["auc"]["mean"] - gap["grouped"]["auc"]["mean"])
    assert gap["auc_gap"]["mean"] > 0.2
    rows = {line.split()[0]: line.split()[1:] for line in finished.stdout.splitlines() if line.split()[:1]}
    assert rows["gap"][0] == f"{gap['auc_gap']['mean']:.3f}"


def test_leakage_gap_of_few_images(in_process: InProcess, copies: Path, tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        for path in sorted((copies / label).iterdir())[:15]:
            shutil.copyfile(path, tmp_path / label / path.name)
    finished = in_process("data", "leakage-gap", "--config", "image_folder", "--data", tmp_path, "--seeds", "2")
    assert finished.returncode == 0, finished.stderr[-500:]


def test_leakage_gap_of_too_few_groups_ends_with_2(in_process: InProcess, copies: Path, tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        for path in sorted((copies / label).iterdir())[:3]:
            shutil.copyfile(path, tmp_path / label / path.name)
    finished = in_process("data", "leakage-gap", "--config", "image_folder", "--data", tmp_path, "--seeds", "2")
    assert finished.returncode == 2
    assert "class 'benign': 1 of at least 2 groups" in finished.stderr


def test_leakage_gap_of_one_seed_ends_with_4(in_process: InProcess, copies: Path) -> None:
    finished = in_process("data", "leakage-gap", "--config", "image_folder", "--data", copies, "--seeds", "1")
    assert finished.returncode == 4
    assert "--seeds: an interval takes at least two." in finished.stderr


def test_generate_makes_the_synthetic_images_once(tmp_path: Path) -> None:
    target = tmp_path / "images"
    assert breast_imaging("data", "generate", "--config", "synthetic", "--data", target).returncode == 0
    assert sorted(path.name for path in target.iterdir()) == ["benign", "malignant"]
    again = breast_imaging("data", "generate", "--config", "synthetic", "--data", target)
    assert again.returncode == 4
    assert f"{target} is not an empty folder." in again.stderr
