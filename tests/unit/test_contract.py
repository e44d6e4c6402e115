"""The data contract: the curated schema names exactly the features that ingestion writes."""

from importlib import resources

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

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
    contract.LABEL: schema_pb2.BYTES,
    contract.LABEL_INDEX: schema_pb2.INT,
    contract.GROUP: schema_pb2.BYTES,
    contract.SOURCE: schema_pb2.BYTES,
}


@pytest.fixture(scope="module")
def curated() -> schema_pb2.Schema:
    text = (resources.files("schema") / "schema.pbtxt").read_text("utf-8")
    return text_format.Parse(text, schema_pb2.Schema())


def test_the_schema_has_the_features_of_the_contract_and_no_other(curated: schema_pb2.Schema) -> None:
    assert {feature.name: feature.type for feature in curated.feature} == TYPES


def test_every_example_has_exactly_one_value_of_each_feature(curated: schema_pb2.Schema) -> None:
    assert {feature.name for feature in curated.feature if feature.presence.min_fraction == 1.0} == set(TYPES)
    assert {feature.name for feature in curated.feature if not feature.shape.dim} == set(TYPES)
    assert {feature.name for feature in curated.feature if feature.HasField("shape")} == set(TYPES)


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
