"""Where a model lies within an artifact."""

from tfx.dsl.io import fileio
from tfx.utils import path_utils


def saved_model_folder(uri: str) -> str:
    """Of a Trainer's artifact, or of a model that was exported or published."""
    trained: str = path_utils.serving_model_path(uri)
    return trained if fileio.isdir(trained) else uri
