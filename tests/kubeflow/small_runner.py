"""A pipeline of one task with one parameter, as `tfx pipeline create` runs it."""

import os
from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_node import BaseNode


@component
def Count(span: tfx.dsl.components.Parameter[int]) -> None:  # noqa: N802  TFX names components so
    """Counts."""
    print(span)


def main() -> None:
    output = Path(os.environ["BREAST_IMAGING_OUTPUT"])
    span = tfx.dsl.experimental.RuntimeParameter(name="span", ptype=int)
    count: BaseNode = Count(span=span)
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=os.environ.get("SMALL_IMAGE", "small:1"), use_pipeline_spec_2_1=True
        ),
        output_dir=str(output.parent),
        output_filename=output.name,
    )
    runner.run(tfx.dsl.Pipeline(pipeline_name="small", pipeline_root="minio://bucket/small", components=[count]))


if __name__ == "__main__":
    main()
