"""What outlives a pod: objects, records of executions, volumes and logs, below one folder."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.object_uris import local_path
from schema.durable_files import replace_text

_ARTIFACTS: Final = "artifacts.json"


@dataclass(frozen=True)
class Store:
    """Attributes: folder: absolute."""

    folder: Path

    @property
    def pods(self) -> Path:
        return self.folder / "pods"

    def log(self, run: str, task: str, attempt: int) -> Path:
        """File for what an attempt at a task prints; its folder is made."""
        folder = self.folder / "logs" / run
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (f"{task}.log" if attempt == 1 else f"{task}.{attempt}.log")

    def volume(self, claim: str) -> Path:
        """Folder of a persistent volume claim; made."""
        folder = self.folder / "volumes" / claim
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def object_path(self, uri: str) -> Path:
        """Where the object or folder of objects of a URI lies."""
        return self.folder / "bucket" / local_path(uri).lstrip("/")

    def download(self, uri: str, target: Path) -> None:
        """Copies an artifact out; one without objects leaves nothing (`DownloadBlob` of objectstore)."""
        source = self.object_path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copyfile(source, target)

    def upload(self, source: Path, uri: str) -> None:
        """Copies an artifact in. As an object store has no folders, an empty folder leaves nothing."""
        for path in [source] if source.is_file() else sorted(source.rglob("*")):
            if path.is_file():
                target = self.object_path(uri) / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

    def next_artifact_id(self) -> str:
        """A number that no artifact has had, as ML Metadata counts them."""
        file = self.folder / _ARTIFACTS
        latest = json.loads(file.read_text("utf-8"))["latest_id"] if file.exists() else 0
        replace_text(file, json.dumps({"latest_id": latest + 1}))
        return str(latest + 1)

    def cached(self, pipeline: str, fingerprint: str) -> Any:
        """The outputs, an ExecutorOutput, of the latest execution with this fingerprint; None without one."""
        file = self._cache_file(pipeline, fingerprint)
        return json_format.Parse(file.read_text("utf-8"), pb.ExecutorOutput()) if file.exists() else None

    def remember(self, pipeline: str, fingerprint: str, outputs: Any) -> None:
        """Lets later executions with this fingerprint take these outputs."""
        file = self._cache_file(pipeline, fingerprint)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_text(file, json_format.MessageToJson(outputs))

    def record(self, run: str, name: str, content: Mapping[str, Any]) -> None:
        """Writes down something of a run."""
        file = self._run_file(run, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_text(file, json.dumps(content, indent=2) + "\n")

    def recorded(self, run: str, name: str) -> Any:
        """What was written down; None where nothing was."""
        file = self._run_file(run, name)
        return json.loads(file.read_text("utf-8")) if file.exists() else None

    def keep(self, run: str, task: str, outputs: Any) -> None:
        """Lets the run be tried again without this task."""
        file = self._run_file(run, f"outputs/{task}")
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_text(file, json_format.MessageToJson(outputs))

    def kept(self, run: str, task: str) -> Any:
        """The outputs, an ExecutorOutput, of a task of a run; None where it has not ended well."""
        file = self._run_file(run, f"outputs/{task}")
        return json_format.Parse(file.read_text("utf-8"), pb.ExecutorOutput()) if file.exists() else None

    def _run_file(self, run: str, name: str) -> Path:
        return self.folder / "runs" / run / f"{name}.json"

    def _cache_file(self, pipeline: str, fingerprint: str) -> Path:
        return self.folder / "cache" / pipeline / f"{fingerprint}.json"
