"""The messages are TensorFlow Serving's, byte for byte and name for name."""

import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    status_pb2,
)
from tensorflow_serving.config import (
    file_system_storage_path_source_pb2,
    log_collector_config_pb2,
    logging_config_pb2,
    model_server_config_pb2,
)

from serving.wire import messages_pb2 as wire
from serving.wire import methods
from serving.wire.methods import Method

ROOT = Path(__file__).resolve().parents[2]
OFFICIAL = [
    *(
        module.DESCRIPTOR
        for module in (
            file_system_storage_path_source_pb2,
            get_model_metadata_pb2,
            get_model_status_pb2,
            log_collector_config_pb2,
            logging_config_pb2,
            model_management_pb2,
            model_pb2,
            model_server_config_pb2,
            predict_pb2,
            status_pb2,
            tensor_pb2,
            tensor_shape_pb2,
            types_pb2,
        )
    ),
    status_pb2.StatusProto.DESCRIPTOR.fields_by_name["error_code"].enum_type.file,  # its module's name changes
]

# What the official messages have and ours do without. Of the configuration nothing may be here.
LEFT_OUT = {
    "PredictRequest": {"client_id", "predict_streamed_options", "request_options"},  # for streamed answers
    "TensorProto": {  # of types that no signature of ours has
        "dcomplex_val",
        "float8_val",
        "resource_handle_val",
        "scomplex_val",
        "variant_val",
    },
    "FileSystemStoragePathSourceConfig": {  # of which the configuration of a server uses the policy alone
        "fail_if_zero_versions_at_startup",
        "file_system_poll_wait_seconds",
        "servables",
        "servable_versions_always_present",
    },
}


def _official(name: str, kind: str) -> Any:
    (found,) = [by_name[name] for by_name in (getattr(file, kind) for file in OFFICIAL) if name in by_name]
    return found


def _with_nested(name: str, ours: Descriptor, theirs: Descriptor) -> Iterator[tuple[str, Descriptor, Descriptor]]:
    yield name, ours, theirs
    for nested in ours.nested_types:
        yield from _with_nested(f"{name}.{nested.name}", nested, theirs.nested_types_by_name[nested.name])


MESSAGES = [
    each
    for name, message in wire.DESCRIPTOR.message_types_by_name.items()
    for each in _with_nested(name, message, _official(name, "message_types_by_name"))
]
ENUMS = [
    *((ours, _official(name, "enum_types_by_name")) for name, ours in wire.DESCRIPTOR.enum_types_by_name.items()),
    *((each, theirs.enum_types_by_name[each.name]) for _, ours, theirs in MESSAGES for each in ours.enum_types),
]


def _shape(field: FieldDescriptor) -> dict[str, Any]:
    """All that decides how a field is written, as bytes or as text."""
    kind = field.message_type or field.enum_type
    return {
        "number": field.number,
        "type": field.type,
        "repeated": field.is_repeated,
        "packed": field.is_packed,
        "kind": _without_package(kind.full_name) if kind else None,
        "oneof": field.containing_oneof.name if field.containing_oneof else None,
        "presence": field.has_presence,
    }


def _without_package(name: str) -> str:
    for package in ("breast_imaging.wire.", "tensorflow.serving.", "tensorflow.error.", "tensorflow."):
        if name.startswith(package):
            return name.removeprefix(package)
    return name


def test_there_are_messages_and_enums_to_compare() -> None:
    assert len(MESSAGES) == 30
    assert {ours.name for ours, _ in ENUMS} == {"Attributes", "Code", "DataType", "ModelType", "State"}


@pytest.mark.parametrize(("name", "ours", "theirs"), MESSAGES, ids=[name for name, _, _ in MESSAGES])
def test_every_field_is_the_official_one(name: str, ours: Descriptor, theirs: Descriptor) -> None:
    official = {field.name: _shape(field) for field in theirs.fields}
    expected = {field: shape for field, shape in official.items() if field not in LEFT_OUT.get(name, set())}

    assert {field.name: _shape(field) for field in ours.fields} == expected
    assert ours.GetOptions().map_entry == theirs.GetOptions().map_entry


@pytest.mark.parametrize(("ours", "theirs"), ENUMS, ids=[ours.name for ours, _ in ENUMS])
def test_every_value_of_an_enum_is_the_official_one(ours: EnumDescriptor, theirs: EnumDescriptor) -> None:
    official = {value.name: value.number for value in theirs.values}

    assert {value.name: value.number for value in ours.values}.items() <= official.items()


METHODS = [value for value in vars(methods).values() if isinstance(value, Method)]


class _Recording:
    """Stands for a channel and for a server: the message types of each path, in and out, as the stubs give them."""

    def __init__(self) -> None:
        self.requests: dict[str, str] = {}
        self.responses: dict[str, str] = {}

    def unary_unary(self, path: str, *, response_deserializer: Callable[[bytes], Any], **_: Any) -> None:
        self.responses[path] = response_deserializer(b"").DESCRIPTOR.name

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        for handler in handlers:
            for path, method in handler._method_handlers.items():
                self.requests[path] = method.request_deserializer(b"").DESCRIPTOR.name


@pytest.fixture(scope="module")
def official_methods() -> _Recording:
    recording = _Recording()
    for module, service in (
        (prediction_service_pb2_grpc, "PredictionService"),
        (model_service_pb2_grpc, "ModelService"),
    ):
        getattr(module, f"{service}Stub")(recording)
        getattr(module, f"add_{service}Servicer_to_server")(getattr(module, f"{service}Servicer")(), recording)
    return recording


@pytest.mark.parametrize("method", METHODS, ids=[method.path for method in METHODS])
def test_paths_and_messages_of_methods_are_those_of_the_services(
    method: Method, official_methods: _Recording
) -> None:
    assert method.request.DESCRIPTOR.name == official_methods.requests[method.path]
    assert method.response.DESCRIPTOR.name == official_methods.responses[method.path]


def test_four_methods_are_known() -> None:
    assert len(METHODS) == 4


@settings(max_examples=50)
@given(
    images=st.lists(st.binary(max_size=40), max_size=4),
    version=st.none() | st.integers(0, 2**63 - 1),
    name=st.text(max_size=10),
    floats=st.lists(st.floats(width=32, allow_nan=False), max_size=5),
)
def test_requests_and_responses_survive_the_way_there_and_back(
    images: list[bytes], version: int | None, name: str, floats: list[float]
) -> None:
    theirs = predict_pb2.PredictRequest()
    theirs.model_spec.name = name
    if version is not None:
        theirs.model_spec.version.value = version
    theirs.inputs["image_bytes"].dtype = types_pb2.DT_STRING
    theirs.inputs["image_bytes"].tensor_shape.dim.add().size = len(images)
    theirs.inputs["image_bytes"].string_val.extend(images)
    theirs.inputs["floats"].float_val.extend(floats)

    ours = wire.PredictRequest.FromString(theirs.SerializeToString())

    assert list(ours.inputs["image_bytes"].string_val) == images
    assert list(ours.inputs["floats"].float_val) == floats
    assert ours.model_spec.HasField("version") == (version is not None)
    assert (ours.model_spec.name, ours.model_spec.version.value) == (name, version or 0)
    assert predict_pb2.PredictRequest.FromString(ours.SerializeToString()) == theirs


def test_fields_that_are_not_known_here_are_handed_on() -> None:
    theirs = predict_pb2.PredictRequest(client_id=b"x")
    theirs.inputs["a"].variant_val.add().type_name = "b"

    ours = wire.PredictRequest.FromString(theirs.SerializeToString())

    assert predict_pb2.PredictRequest.FromString(ours.SerializeToString()) == theirs


CONFIGURATION = """
model_config_list {
  config {
    name: "a"
    base_path: "/models/a"
    model_platform: "tensorflow"
    model_type: TENSORFLOW
    model_version_policy { specific { versions: 3 versions: 5 } }
    version_labels { key: "stable" value: 3 }
    version_labels { key: "canary" value: 5 }
    logging_config {
      log_collector_config { type: "x" filename_prefix: "/logs" }
      sampling_config { sampling_rate: 0.25 attributes: 3 }
    }
  }
  config { name: "b" base_path: "/models/b" model_version_policy { latest { num_versions: 2 } } }
  config { name: "c" base_path: "/models/c" model_version_policy { all {} } }
}
"""


def test_configurations_as_text_are_the_official_ones() -> None:
    ours = text_format.Parse(CONFIGURATION, wire.ModelServerConfig())
    theirs = text_format.Parse(CONFIGURATION, model_server_config_pb2.ModelServerConfig())

    assert model_server_config_pb2.ModelServerConfig.FromString(ours.SerializeToString()) == theirs
    assert text_format.MessageToString(ours) == text_format.MessageToString(theirs)


@pytest.mark.parametrize("suffix", ["py", "pyi"])
def test_the_generated_module_is_that_of_the_proto_file(suffix: str, tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts" / "make-protos", tmp_path], check=True)

    name = f"serving/wire/messages_pb2.{suffix}"
    assert (tmp_path / name).read_text() == (ROOT / name).read_text()
