"""Which models to serve: from a folder, or from TensorFlow Serving's `model_config_list`."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig as ModelConfigProto
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from schema.errors import ConfigurationError
from serving.server.settings import ServerSettings
from serving.server.version_folders import All, Latest, ModelConfig, Specific, VersionPolicy

_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)  # what stands in the path of a REST request as it is
_PLATFORM: Final = "tensorflow"
_FIX: Final = "correct it; docs/serving.md shows one"


def configured_models(settings: ServerSettings) -> list[ModelConfig]:
    """Raises ConfigurationError where a folder is missing, or the file cannot be used."""
    configs = [_from_folder(settings.model)] if settings.model else []
    if settings.model_config_file:
        configs = read_model_configs(settings.model_config_file)
    for config in configs:
        if not config.base.is_dir():
            raise ConfigurationError(
                f"The model folder {config.base} does not exist.",
                fix="name the folder that holds the numeric version folders",
            )
    return configs


def read_model_configs(file: Path) -> list[ModelConfig]:
    """Raises ConfigurationError where the file holds no model_config_list that can be served."""
    try:
        parsed = text_format.Parse(file.read_text("utf-8"), ModelServerConfig())
        return to_model_configs(parsed)
    except (OSError, UnicodeDecodeError, text_format.ParseError, ValueError) as error:
        raise ConfigurationError(f"The model configuration {file} cannot be used: {error}", fix=_FIX) from error


def to_model_configs(proto: ModelServerConfig) -> list[ModelConfig]:
    """Raises ValueError, for people, where it asks for what this server does not do."""
    if proto.WhichOneof("config") != "model_config_list" or not proto.model_config_list.config:
        raise ValueError("it has no model_config_list with a config in it")
    configs = [_from_proto(config) for config in proto.model_config_list.config]
    _check_names(configs)
    return configs


def _from_folder(folder: Path) -> ModelConfig:
    base = folder.absolute()
    if not _NAME.fullmatch(base.name):
        raise ConfigurationError(
            f"The folder name {base.name!r} cannot be the name of a model.",
            fix="rename the folder to letters, digits, '_', '-' and '.'",
        )
    return ModelConfig(base.name, base, Latest(), {})


def _from_proto(proto: ModelConfigProto) -> ModelConfig:
    if not _NAME.fullmatch(proto.name):
        raise ValueError(f"the model name {proto.name!r} is not made of letters, digits, '_', '-' and '.'")
    if not Path(proto.base_path).is_absolute():
        raise ValueError(f"the base_path of {proto.name} is not absolute")
    if proto.model_platform not in {"", _PLATFORM}:
        raise ValueError(f"the model_platform of {proto.name} is not {_PLATFORM!r}")
    policy = _policy_of(proto)
    return ModelConfig(proto.name, Path(proto.base_path), policy, dict(proto.version_labels))


def _policy_of(proto: ModelConfigProto) -> VersionPolicy:
    policy = proto.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "specific":
            return Specific(frozenset(policy.specific.versions))
        case "all":
            return All()
        case _:
            return Latest(policy.latest.num_versions or 1)


def _check_names(configs: Collection[ModelConfig]) -> None:
    names = [config.name for config in configs]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"two models are named {', '.join(doubled)}")
