"""Conditions, values and placeholders, as the backend's own code has them."""

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.entrypoint.inputs import unwrap_metadata
from kubeflow.simulator.cache_key import fingerprint_of
from kubeflow.simulator.conditions import ConditionError, holds, parse_condition
from kubeflow.simulator.launcher import substitute
from kubeflow.simulator.values import (
    RefusedValueError,
    number_to_text,
    text_to_value,
    through_metadata,
    value_to_text,
)


def executor_input() -> pb.ExecutorInput:
    return json_format.ParseDict(
        {
            "inputs": {
                "parameterValues": {"n": 3, "name": "cnn", "on": True},
                "artifacts": {
                    "blessing": {"artifacts": [{"uri": "minio://b/x", "metadata": {"blessed": 1, "why": "good"}}]}
                },
            },
            "outputs": {"outputFile": "/tmp/o.json", "parameters": {"auc": {"outputFile": "/tmp/auc"}}},
        },
        pb.ExecutorInput(),
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(inputs.artifacts['blessing'].artifacts[0].metadata['blessed'] == 1.0)", True),
        ("!(inputs.artifacts['blessing'].artifacts[0].metadata['blessed'] == 1.0)", False),
        ("inputs.artifacts['blessing'].artifacts[0].uri == 'minio://b/x'", True),
        ("inputs.parameter_values['name'] == 'cnn' && inputs.parameter_values['n'] > 2.0", True),
        ("inputs.parameter_values['name'] == 'vgg' || inputs.parameter_values['on'] == true", True),
        ("int(inputs.parameter_values['n']) >= 4", False),
        ("inputs.parameter_values['name'] != 'a && b'", True),
        ("!inputs.parameter_values['on'] == true", False),
        ("'n' in inputs.parameter_values", True),
        ("inputs.parameter_values['name'] + '1' == 'cnn1'", True),
    ],
)
def test_conditions_of_the_compilers(condition: str, expected: bool) -> None:
    assert holds(condition, executor_input()) is expected


@pytest.mark.parametrize(
    "condition",
    [
        "inputs.parameter_values['absent'] == 1.0",
        "inputs.parameter_values['n']",
        "inputs.parameter_values['n'] && true",
        "inputs.artifacts['blessing'].artifacts[1].uri == ''",
        "inputs.parameter_values['n'] < 'a'",
    ],
)
def test_conditions_that_fail_the_run(condition: str) -> None:
    with pytest.raises(ConditionError):
        holds(condition, executor_input())


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "1 ==",
        "__import__('os')",
        "[x for x in inputs]",
        "lambda: 1",
        "inputs == (1 if true else 2)",
        "1 < 2 < 3",
        "os",
    ],
)
def test_nothing_else_is_evaluated(condition: str) -> None:
    with pytest.raises(ConditionError):
        parse_condition(condition)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_refused(condition: str) -> None:
    try:
        result = holds(condition, executor_input())
    except ConditionError:
        return
    assert isinstance(result, bool)


@pytest.mark.parametrize(
    ("number", "text"),
    [(3.0, "3"), (0.25, "0.25"), (1e-7, "0.0000001"), (1e21, "1000000000000000000000"), (-2.5, "-2.5")],
)
def test_numbers_are_written_as_go_writes_them(number: float, text: str) -> None:
    assert number_to_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_its_text(number: float) -> None:
    assert float(number_to_text(number)) == number


def test_texts_become_values_of_the_type() -> None:
    assert text_to_value("false", "BOOLEAN").bool_value is False
    assert value_to_text(text_to_value('{"a": [1, null]}', "STRUCT")) == '{"a":[1.0,null]}'
    for text, kind in [("yes", "BOOLEAN"), ("1.5", "NUMBER_INTEGER"), ("{", "LIST"), ("x", "TASK_CONFIG")]:
        with pytest.raises(RefusedValueError):
            text_to_value(text, kind)


_JSON = st.recursive(
    st.booleans() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), _JSON, max_size=4))
def test_the_entrypoint_undoes_what_metadata_stores_do(content: dict[str, object]) -> None:
    """All but booleans, which ML Metadata keeps as numbers."""
    metadata = struct_pb2.Struct()
    metadata.update(content)
    stored = through_metadata(metadata)
    stored.fields["display_name"].string_value = "of the launcher"
    inputs = pb.ExecutorInput.Inputs(
        artifacts={"model": pb.ArtifactList(artifacts=[pb.RuntimeArtifact(metadata=stored)])}
    )
    unwrap_metadata(inputs)
    numbers = {key: float(value) if isinstance(value, bool) else value for key, value in content.items()}
    numbers.pop("display_name", None)
    numbers.pop("store_session_info", None)
    expected = struct_pb2.Struct()
    expected.update(numbers)
    assert inputs.artifacts["model"].artifacts[0].metadata == expected


def test_null_metadata_is_refused() -> None:
    with pytest.raises(RefusedValueError, match="version is null"):
        through_metadata(struct_pb2.Struct(fields={"version": struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)}))


def _key(**changes: Any) -> str:
    message = executor_input()
    message.inputs.artifacts["blessing"].artifacts[0].name = changes.get("artifact", "7")
    message.inputs.artifacts["blessing"].artifacts[0].uri = changes.get("uri", "minio://b/x")
    message.inputs.parameter_values["n"].number_value = changes.get("n", 3)
    component = json_format.ParseDict(
        {"outputDefinitions": {"parameters": {"auc": {"parameterType": changes.get("type", "NUMBER_DOUBLE")}}}},
        pb.ComponentSpec(),
    )
    container = pb.PipelineDeploymentConfig.PipelineContainerSpec(
        image=changes.get("image", "i@sha256:0"), command=["python"], args=[changes.get("argument", "a")]
    )
    container.env.add(name="A", value=changes.get("variable", "1"))
    return fingerprint_of(message, component, container, changes.get("claims", ["data", "models"]))


@pytest.mark.parametrize(
    "change",
    [
        {"artifact": "8"},
        {"n": 4},
        {"type": "NUMBER_INTEGER"},
        {"image": "i@sha256:1"},
        {"argument": "b"},
        {"variable": "2"},
        {"claims": ["data"]},
    ],
)
def test_the_cache_sees_what_the_backends_sees(change: dict[str, Any]) -> None:
    assert _key(**change) != _key()


@pytest.mark.parametrize("change", [{"uri": "minio://b/y"}, {"claims": ["models", "data", "data"]}])
def test_the_cache_is_blind_to_the_rest(change: dict[str, Any]) -> None:
    assert _key(**change) == _key()


def test_placeholders_are_replaced_within_arguments() -> None:
    command = [
        "run",
        "--n={{$.inputs.parameters['n']}}",
        "{{$.inputs.artifacts['blessing'].uri}} {{$.inputs.artifacts['blessing'].path}}",
        "{{$.outputs.parameters['auc'].output_file}}",
        "{{$.inputs.parameters['absent']}}",
        "{{$}}",
    ]
    replaced = substitute(command, executor_input())
    assert replaced[:5] == ["run", "--n=3", "minio://b/x /minio/b/x", "/tmp/auc", "{{$.inputs.parameters['absent']}}"]
    whole = json.loads(replaced[5])
    assert whole["inputs"]["parameterValues"] == {"n": 3.0, "name": "cnn", "on": True}
    assert whole["outputs"]["outputFile"] == "/tmp/o.json"
    assert not math.isnan(whole["inputs"]["artifacts"]["blessing"]["artifacts"][0]["metadata"]["blessed"])
