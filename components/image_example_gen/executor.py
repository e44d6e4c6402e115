"""Runs the ingestion: list, inspect, plan, write."""

import os
from typing import Any

from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs

from components.datasets.registry import get_dataset
from components.image_example_gen.beam_workers import BeamWorkers
from components.image_example_gen.inspection import hand_out, inspect_images
from components.image_example_gen.pair_images import write_pair_images
from components.image_example_gen.planning import plan
from components.image_example_gen.selection import select_records
from components.image_example_gen.shards import ShardPlan, write_shards
from components.image_example_gen.span_planning import plan_spans
from components.image_example_gen.store import ImageStore
from components.manifest import write_manifest
from components.settings import DataSettings, SpanSettings
from components.spans.dataset import in_spans, list_spans
from components.spans.fingerprints import write_fingerprints
from schema import contract

INPUT_BASE_KEY = standard_component_specs.INPUT_BASE_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
SETTINGS_KEY = "settings"
MANIFEST_KEY = "manifest"
SPANS_KEY = "spans"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads a folder of images; see `component.ImageExampleGen`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        root = exec_properties[INPUT_BASE_KEY]
        settings = DataSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(list(contract.SPLITS))
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)

        directory = self._make_directory("inspection")
        store = ImageStore(directory)
        spans = _spans(exec_properties)
        folders = spans.folders if spans else ()
        spec = in_spans(get_dataset(settings.dataset), folders)
        handed_out = hand_out(select_records(spec, list_spans(root, folders), settings), directory)
        inspection = inspect_images(self._make_beam_pipeline, handed_out, root, settings.minimum_side, store)
        workers = BeamWorkers(self._make_beam_pipeline, self._make_directory("inspection/near_duplicates"))
        planned = (
            plan_spans(spec, inspection, settings, spans, workers)
            if spans
            else plan(spec, inspection, settings, workers)
        )
        manifest_directory = artifact_utils.get_single_uri(output_dict[MANIFEST_KEY])
        write_manifest(planned.entries, planned.pairs, manifest_directory)
        if spans:
            write_fingerprints(planned.entries, inspection.fingerprints, manifest_directory)
        write_pair_images(planned, inspection.locations, store, manifest_directory)
        shard_plan = ShardPlan(
            directories={split: artifact_utils.get_split_uri([examples], split) for split in contract.SPLITS},
            partial_directory=os.path.join(examples.uri, "partial"),
            images_per_shard=settings.images_per_shard,
            seed=settings.seed,
        )
        write_shards(
            self._make_beam_pipeline,
            planned.entries,
            inspection.locations,
            store,
            settings.labels,
            shard_plan,
            directory,
        )
        fileio.rmtree(directory)  # as large as the examples themselves

    def _make_directory(self, name: str) -> str:
        directory = os.path.join(self._get_tmp_dir(), name)
        fileio.makedirs(directory)
        return directory


def _spans(exec_properties: dict[str, Any]) -> SpanSettings | None:
    text = exec_properties.get(SPANS_KEY)
    return SpanSettings.model_validate_json(text) if text else None
