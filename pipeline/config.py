"""The configuration of a run: one typed object, from a YAML file and overrides."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from components.datasets.registry import get_dataset
from components.labels import known_labels
from components.models.checks import check_model
from components.models.registry import get_model
from components.settings import (
    ClinicalSettings,
    DataSettings,
    GateSettings,
    ModelSettings,
    OperatingPointSettings,
    PredictionSettings,
    RetrainingSettings,
    ServingSettings,
    Settings,
    TrainSettings,
    TuningSettings,
)
from components.trainer_checks import check_prediction, check_training
from components.tuner.search_space import check_tuning
from pipeline.alerts.settings import AlertSettings
from pipeline.beam_settings import BeamSettings, LocalBeam
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.metadata.settings import MetadataSettings
from schema.errors import ConfigurationError

_SUFFIX: Final = ".yaml"


class Config(Settings):
    """Everything that decides a run, but for folders and machines."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    data: DataSettings
    model: ModelSettings = ModelSettings()
    train: TrainSettings = TrainSettings()
    tuning: TuningSettings | None = None
    prediction: PredictionSettings = PredictionSettings()
    operating_point: OperatingPointSettings = OperatingPointSettings()
    gate: GateSettings = GateSettings()
    clinical: ClinicalSettings = ClinicalSettings()
    serving: ServingSettings = ServingSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    beam: BeamSettings = LocalBeam()
    metadata: MetadataSettings = MetadataSettings()
    kubeflow: KubeflowSettings = KubeflowSettings()
    alerts: AlertSettings = AlertSettings()

    def to_yaml(self, exclude: Collection[str] = ()) -> str:
        """All settings, but for those of the sections named."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude=set(exclude)), sort_keys=False)


def shipped_configs() -> list[str]:
    """Names of the configurations that come with the package; of one in a folder, `folder/name`."""
    return sorted(_names(_shipped()))


def _names(folder: Traversable, prefix: str = "") -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _names(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX)


def _shipped() -> Traversable:
    return resources.files("pipeline") / "configs"


def load_config(name_or_file: str, overrides: Sequence[str] = ()) -> Config:
    """Reads a shipped configuration or a YAML file.

    Args:
        name_or_file: one of `shipped_configs`, or the path of a file.
        overrides: `key.path=value`, with the value in YAML.

    Returns:
        The configuration, with labels and positive class filled in from the data set.

    Raises:
        ConfigurationError: names the key at fault, what it may be, and the nearest valid key.
    """
    values = _parse_yaml(_read(name_or_file), name_or_file)
    for override in overrides:
        _apply_override(values, override)
    return _resolve(_validate(values, name_or_file))


def _read(name_or_file: str) -> str:
    if name_or_file in shipped_configs():
        return (_shipped() / f"{name_or_file}{_SUFFIX}").read_text("utf-8")
    path = Path(name_or_file)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        near = difflib.get_close_matches(name_or_file, shipped_configs(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigurationError(
            f"There is no configuration {name_or_file!r}, and as a file it cannot be read ({reason}).",
            fix=f"{hint}shipped configurations: {', '.join(shipped_configs())}; or give the path of a YAML file",
        ) from error


def _parse_yaml(text: str, origin: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin} is not valid YAML ({error}).", fix="correct the file") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{origin} holds no keys.", fix="start from a shipped configuration")
    return values


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigurationError(f"--set {override}: there is no '='.", fix="write it as --set key.path=value")
    *sections, last = key.strip().split(".")
    section = values
    for name in sections:
        if section.get(name) is None:
            section[name] = {}
        section = section[name]
        if not isinstance(section, dict):
            raise ConfigurationError(f"--set {key}: {name} is a value, not a section.", fix="name a key")
    section[last] = _parse_value(key.strip(), text)


def _parse_value(key: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"--set {key}: the value is not valid YAML.",
            fix="quote it, as in --set 'data.labels=[a, b]'",
        ) from error


def _validate(values: Mapping[str, Any], origin: str) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(
            f"The configuration {origin} cannot be used.",
            reasons=[_explain(details) for details in error.errors()],
            fix="correct the keys named, in the file or on the command line (--set key.path=value)",
        ) from error


def _explain(details: Any) -> str:
    path = ".".join(_keys_and_section(details["loc"])[0])
    if details["type"] == "extra_forbidden":
        known = list(_keys_and_section(details["loc"][:-1])[1].model_fields)
        near = difflib.get_close_matches(str(details["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"{path}: there is no such key; {hint}"
    if details["type"] == "missing":
        return f"{path}: this key is needed"
    if _may_hold_secrets(details):
        return f"{path}: {details['msg']}"
    return f"{path}: {details['msg']}; got {details['input']!r}"


def _may_hold_secrets(details: Any) -> bool:
    """Whether a whole section was given, or something in a section that has fields without a repr."""
    fields = _keys_and_section(details["loc"])[1].model_fields.values()
    return isinstance(details["input"], Mapping) or any(not field.repr for field in fields)


def _keys_and_section(location: Sequence[str | int]) -> tuple[list[str], type[BaseModel]]:
    """The keys of a place as they are written, and the section that it is, or lies in."""
    keys: list[str] = []
    sections: list[type[BaseModel]] = [Config]
    for part in location:
        # Of a union, pydantic names the member too, by what tells it apart from the others.
        members = [section for section in sections if _is_member(section, part)]
        if len(sections) > 1 and members:
            sections = members
            continue
        keys.append(str(part))
        # Numbers of list items and keys of mappings lead to no other section than the field that holds them.
        if part in sections[0].model_fields:
            sections = list(_sections_in(sections[0].model_fields[str(part)].annotation)) or sections
    return keys, sections[0]


def _is_member(section: type[BaseModel], part: str | int) -> bool:
    return any(get_args(field.annotation) == (part,) for field in section.model_fields.values())


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Those that a field of this type holds: itself, or within an optional, a list or a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _resolve(config: Config) -> Config:
    dataset = get_dataset(config.data.dataset)
    model = get_model(config.model.architecture)
    check_model(model, config.model)
    check_training(model, config.model, config.train)
    if config.tuning is not None:
        check_tuning(model, config.model, config.train, config.tuning)
    check_prediction(model, config.model, config.prediction)
    unknown = [label for label in config.data.label_map if dataset.labels and label not in dataset.labels]
    if unknown:
        raise ConfigurationError(
            f"data.label_map: {', '.join(unknown)} is no class of the data set {dataset.name!r}.",
            fix=f"choose among {', '.join(dataset.labels)}",
        )
    known = known_labels(dataset, config.data)
    labels = config.data.labels or known
    positive = config.data.positive_label or config.data.label_map.get(dataset.positive_label, dataset.positive_label)
    if not labels or not positive:
        raise ConfigurationError(
            f"The data set {dataset.name!r} has no classes of its own.",
            fix="name them: --set 'data.labels=[benign, malignant]' --set data.positive_label=malignant",
        )
    if not set(labels) <= set(known):
        raise ConfigurationError(
            f"data.labels: {', '.join(labels)} are not all classes of the data set {dataset.name!r}.",
            fix=f"choose among {', '.join(known)}",
        )
    if len(labels) < 2:
        raise ConfigurationError(
            f"data.label_map: it leaves one class, {labels[0]!r}.", fix="rename classes so that two or more are left"
        )
    if positive not in labels:
        raise ConfigurationError(
            f"data.positive_label: {positive!r} is none of the classes {', '.join(labels)}.",
            fix="name one of them with --set data.positive_label=NAME",
        )
    data = config.data.model_copy(update={"labels": labels, "positive_label": positive})
    return config.model_copy(update={"data": data})
