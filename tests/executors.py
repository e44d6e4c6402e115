"""TFX executors for tests of what runs them."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from schema.errors import DataRejectedError


class PageWriter(base_executor.BaseExecutor):
    """Writes a page as the report does, and a value; fails where it is told to."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        if exec_properties["mood"] == "refuse":
            try:
                raise DataRejectedError("The images are rejected.", reasons=["two"], fix="correct them")
            except DataRejectedError as error:
                raise RuntimeError("in a worker") from error
        if exec_properties["mood"] == "crash":
            raise KeyError("no such thing")
        manifest = artifact_utils.get_single_instance(input_dict["manifest"])
        html = artifact_utils.get_single_instance(output_dict["html"])
        html.uri = f"{html.uri}/index.html"
        words = [Path(manifest.uri, "manifest.csv").read_text(), ",".join(sorted(input_dict))]
        Path(html.uri).write_text("|".join(words))
        html.set_string_custom_property("kind", manifest.get_string_custom_property("kind"))
        html.set_json_value_custom_property("list", manifest.get_json_value_custom_property("list"))
        html.set_int_custom_property("workers", len(self._extra_flags))
        artifact_utils.get_single_instance(output_dict["value"]).value = 0.5
