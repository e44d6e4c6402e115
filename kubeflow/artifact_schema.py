"""Types of artifacts in a PipelineSpec."""

from typing import Any

import yaml


def title(artifact_type: Any) -> str:
    """Of an ArtifactTypeSchema, such as `tfx.Model`; empty where it has none."""
    if artifact_type.WhichOneof("kind") == "schema_title":
        return str(artifact_type.schema_title)
    return str((yaml.safe_load(artifact_type.instance_schema) or {}).get("title", ""))
