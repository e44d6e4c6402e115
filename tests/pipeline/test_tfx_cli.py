"""`tfx pipeline create` and `tfx run create` run the same graph, with the same results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import Runner, published_versions

RUNNER = Path(__file__).resolve().parents[2] / "pipeline" / "local_runner.py"
TFX = str(Path(sys.executable).with_name("tfx"))


def tfx(home: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TFX, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=home,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            **environment,
        },
    )


@pytest.mark.slow
def test_pipeline_create_and_run_create(configuration_file: Path, image_folder: Path, tmp_path: Path) -> None:
    home, output = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    environment = {
        "BREAST_IMAGING_CONFIG": str(configuration_file),
        "BREAST_IMAGING_DATA": str(image_folder),
        "BREAST_IMAGING_OUTPUT": str(output),
    }
    created = tfx(home, environment, "pipeline", "create", "--engine=local", f"--pipeline_path={RUNNER}")
    assert 'Pipeline "breast-imaging" created successfully.' in created.stdout, created.stderr
    assert "breast-imaging" in tfx(home, environment, "pipeline", "list", "--engine=local").stdout
    assert not (output / "serving").exists(), "creating a pipeline runs nothing"

    ran = tfx(home, environment, "run", "create", "--engine=local", "--pipeline_name=breast-imaging")
    assert ran.returncode == 0, ran.stderr[-2000:]
    summary = json.loads((output / "report" / "summary.json").read_text())
    assert summary["gate"]["blessed"] is True
    assert published_versions(output) == [summary["publication"]["version"]]

    expected = Runner(configuration_file, tmp_path / "direct").run(image_folder).summary
    point, expected_point = (each["clinical"]["operating_point"] for each in (summary, expected))
    assert point["threshold"] == pytest.approx(expected_point["threshold"], abs=1e-6)
    assert point["confusion"] == expected_point["confusion"]

    # A rejection is no success, and says why.
    refused = tfx(
        home,
        {**environment, "BREAST_IMAGING_DATA": str(home)},
        "run",
        "create",
        "--engine=local",
        "--pipeline_name=breast-imaging",
    )
    assert refused.returncode != 0
    assert "holds no image of the classes benign, malignant" in refused.stderr
