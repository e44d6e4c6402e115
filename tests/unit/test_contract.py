"""The data contract: the curated schema names exactly the features that ingestion writes."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from schema import contract

TYPES = {
    contract.IMAGE_ENCODED: schema_pb2.BYTES,
    contract.IMAGE_FORMAT: schema_pb2.BYTES,
    contract.IMAGE_HEIGHT: schema_pb2.INT,
    contract.IMAGE_WIDTH: schema_pb2.INT,
    contract.IMAGE_CHANNELS: schema_pb2.INT,
    contract.IMAGE_BIT_DEPTH: schema_pb2.INT,
    contract.IMAGE_MEAN: schema_pb2.FLOAT,
    contract.IMAGE_STD: schema_pb2.FLOAT,
    contract.IMAGE_SIZE_BAND: schema_pb2.BYTES,
    contract.LABEL: schema_pb2.BYTES,
    contract.LABEL_INDEX: schema_pb2.INT,
    contract.GROUP: schema_pb2.BYTES,
    contract.SOURCE: schema_pb2.BYTES,
}
ATTRIBUTES = {contract.ATTRIBUTE_PREFIX + name: schema_pb2.BYTES for name in contract.ATTRIBUTES}


@pytest.fixture(scope="module")
def curated() -> schema_pb2.Schema:
    text = (resources.files("schema") / "schema.pbtxt").read_text("utf-8")
    return text_format.Parse(text, schema_pb2.Schema())


def test_the_schema_has_the_features_of_the_contract_and_no_other(curated: schema_pb2.Schema) -> None:
    assert {feature.name: feature.type for feature in curated.feature} == TYPES | ATTRIBUTES


def test_every_example_has_exactly_one_value_of_each_feature(curated: schema_pb2.Schema) -> None:
    assert {feature.name for feature in curated.feature if feature.presence.min_fraction == 1.0} == set(TYPES)
    scalars = [feature for feature in curated.feature if feature.HasField("shape") and not feature.shape.dim]
    assert {feature.name for feature in scalars} == set(TYPES)


def test_an_attribute_may_be_absent_and_has_one_value_where_it_is_not(curated: schema_pb2.Schema) -> None:
    attributes = [feature for feature in curated.feature if feature.name in ATTRIBUTES]

    assert len(attributes) == len(contract.ATTRIBUTES)
    for feature in attributes:
        assert (feature.presence.min_fraction, feature.presence.min_count) == (0.0, 0)
        assert (feature.value_count.min, feature.value_count.max) == (1, 1)


def _statistics(values: Mapping[str, Sequence[Any]]) -> statistics_pb2.DatasetFeatureStatisticsList:
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(values))


GOOD = {
    contract.IMAGE_ENCODED: [b"1", b"2"],
    contract.IMAGE_FORMAT: ["png", "png"],
    contract.IMAGE_HEIGHT: [1, 9000],
    contract.IMAGE_WIDTH: [9000, 1],
    contract.IMAGE_CHANNELS: [1, 3],
    contract.IMAGE_BIT_DEPTH: [1, 16],
    contract.IMAGE_MEAN: [0.0, 1.0],
    contract.IMAGE_STD: [0.0, 0.5],
    contract.IMAGE_SIZE_BAND: ["under 0.01 megapixels", "0.1 to 1 megapixels"],
    contract.LABEL: ["benign", "malignant"],
    contract.LABEL_INDEX: [0, 1],
    contract.GROUP: ["p", "q"],
    contract.SOURCE: ["x.png", "y.png"],
}


@pytest.mark.parametrize(
    ("changes", "features"),
    [
        ({}, set()),
        ({"attribute/view": ["CC", "MLO"]}, set()),
        ({"attribute/site": [None, "A"]}, set()),
        ({"attribute/birthday": ["1970", "1971"]}, {"attribute/birthday"}),
        ({"attribute/view": [1, 2]}, {"attribute/view"}),
        ({contract.IMAGE_BIT_DEPTH: [8, 17]}, {contract.IMAGE_BIT_DEPTH}),
        ({contract.IMAGE_CHANNELS: [1, 4]}, {contract.IMAGE_CHANNELS}),
        ({contract.IMAGE_MEAN: [0.5, 1.01]}, {contract.IMAGE_MEAN}),
        ({contract.IMAGE_FORMAT: ["png", "jpeg"]}, {contract.IMAGE_FORMAT}),
        ({contract.GROUP: ["p", None]}, {contract.GROUP}),
        ({contract.LABEL_INDEX: [0, -1]}, {contract.LABEL_INDEX}),
    ],
)
def test_examples_are_held_to_the_schema(
    curated: schema_pb2.Schema, changes: dict[str, Any], features: set[str]
) -> None:
    found = tfdv.validate_statistics(_statistics(GOOD | changes), curated)

    assert set(found.anomaly_info) == features


def test_the_only_image_format_is_that_of_the_contract(curated: schema_pb2.Schema) -> None:
    domains = {domain.name: list(domain.value) for domain in curated.string_domain}
    features = {feature.name: feature for feature in curated.feature}

    assert domains[features[contract.IMAGE_FORMAT].domain] == [contract.IMAGE_FORMAT_PNG]


def test_ranges_of_the_numbers(curated: schema_pb2.Schema) -> None:
    features = {feature.name: feature for feature in curated.feature}

    for name in (contract.IMAGE_MEAN, contract.IMAGE_STD):
        domain = features[name].float_domain
        assert (domain.min, domain.max, domain.disallow_nan) == (0.0, 1.0, True)
    assert (features[contract.IMAGE_CHANNELS].int_domain.min, features[contract.IMAGE_CHANNELS].int_domain.max) == (
        1,
        3,
    )
    assert features[contract.IMAGE_BIT_DEPTH].int_domain.max == 16
