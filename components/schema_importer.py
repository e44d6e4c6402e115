"""ImportSchemaGen for the schema that comes with the code, wherever that is installed."""

import os
from importlib import resources
from typing import Any, Final

from tfx import types
from tfx.components.schema_gen.import_schema_gen import component as tfx_component
from tfx.components.schema_gen.import_schema_gen import executor as tfx_executor
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_component_specs

SCHEMA_FILE: Final = "schema.pbtxt"


class Executor(tfx_executor.Executor):
    """Finds the file when it runs: the machine that runs a step may be another than the one that made the graph."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        name = exec_properties[standard_component_specs.SCHEMA_FILE_KEY]
        path = os.fspath(resources.files("schema").joinpath(name))  # type: ignore[call-overload]
        super().Do(input_dict, output_dict, {**exec_properties, standard_component_specs.SCHEMA_FILE_KEY: path})


class ImportSchemaGen(tfx_component.ImportSchemaGen):
    """Its output `schema` is `schema/schema.pbtxt`."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self) -> None:
        super().__init__(schema_file=SCHEMA_FILE)
