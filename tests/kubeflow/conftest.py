"""A mock of the API server, and a client of it."""

from collections.abc import Iterator

import pytest

from kubeflow.client.connection import Address, Connection, Settings, connect
from kubeflow.client.transport import Limits
from tests.kubeflow.mock_api import MockServer, serving

QUICK = Limits(deadline=10.0, retries=3, pause=0.01)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with serving(MockServer()) as mock:
        yield mock


@pytest.fixture
def connection(server: MockServer) -> Iterator[Connection]:
    with connect(Settings(Address(server.url), limits=QUICK)) as opened:
        server.calls.clear()
        yield opened
