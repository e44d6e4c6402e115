"""The console command as a person uses it: a process, its output, its exit code."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def versions(output: Path) -> list[str]:
    return sorted(path.name for path in (output / "serving" / "small").iterdir())


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
    (version,) = versions(output)
    lines = [line.strip() for line in printed.splitlines()]
    assert "reading images: 120 of 120" in lines
    assert any(line.startswith("training: 10 of 10 loss ") for line in lines)
    assert any(line.startswith("Trainer ") and line.endswith(" s") for line in lines)
    counts = {line.split()[0]: line.split()[1:] for line in lines if re.fullmatch(r"\w+( +\d+){3}", line)}
    assert counts == {"train": ["42", "42", "28"], "eval": ["9", "9", "6"], "test": ["9", "9", "6"]}
    assert "Blessed:   yes" in lines
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
    assert names == {"metadata.sqlite", "pipeline_root", "serving", "report", "logs"}


def test_model_that_falls_short_ends_with_3_and_leaves_what_was_published(
    published: tuple[Path, str], configuration_file: Path, image_folder: Path
) -> None:
    output, _ = published
    before = versions(output)
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
    assert versions(output) == before


def test_broken_image_ends_with_2_and_is_named(
    published: tuple[Path, str], configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    output, _ = published
    before = versions(output)
    data = tmp_path / "data"
    shutil.copytree(image_folder, data)
    broken = data / "benign" / "patient 07 (1).png"
    broken.write_bytes(broken.read_bytes()[:200])
    finished = breast_imaging("run", "--config", configuration_file, "--data", data, "--output", output)
    assert finished.returncode == 2
    assert "ImageExampleGen failed. 1 of 120 images cannot be used." in finished.stderr
    assert "benign/patient 07 (1).png: the image is damaged or truncated" in finished.stderr
    assert "What to do: " in finished.stderr
    assert "Traceback" not in finished.stderr
    assert versions(output) == before


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


def test_interrupted_run_says_so_and_the_same_command_carries_on(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    arguments: list[str | Path] = ["run", "--config", configuration_file, "--data", image_folder, "--output", output]
    interrupt(arguments, output, "reading images", signal.SIGTERM)
    interrupt(arguments, output, "Transform", signal.SIGINT)
    finished = breast_imaging(*arguments)
    assert finished.returncode == 0
    cached = [line.split()[0] for line in finished.stdout.splitlines() if line.endswith("cached")]
    assert cached == [
        "ImageExampleGen",
        "ImportSchemaGen",
        "StatisticsGen",
        "ExampleValidator",
        "DataGate",
        "Transform",
    ]
    assert len(versions(output)) == 1


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


def test_describe_prints_counts_sizes_and_formats(configuration_file: Path, image_folder: Path) -> None:
    finished = breast_imaging("data", "describe", "--config", configuration_file, "--data", image_folder)
    assert finished.returncode == 0
    lines = [" ".join(line.split()) for line in finished.stdout.splitlines()]
    assert "train 42 42 28" in lines
    assert "test 9 9 6" in lines
    assert "width x height: from 36x36, median 36x36, to 36x36 pixels" in lines
    assert "formats: png, 8 bits, grey: 120" in lines
    assert "images per group: 3: 40 groups" in lines


def test_generate_makes_the_synthetic_images_once(tmp_path: Path) -> None:
    target = tmp_path / "images"
    assert breast_imaging("data", "generate", "--config", "synthetic", "--data", target).returncode == 0
    assert sorted(path.name for path in target.iterdir()) == ["benign", "malignant"]
    again = breast_imaging("data", "generate", "--config", "synthetic", "--data", target)
    assert again.returncode == 4
    assert f"{target} is not an empty folder." in again.stderr
