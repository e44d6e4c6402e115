"""What the server counts, for Prometheus."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from grpc import StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serving.server.errors import RequestError

_PREFIX: Final = "breast_imaging_server"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


@dataclass
class CountedRequest:
    """Attributes: model, version: that answered; empty before one was found, so that clients invent no label."""

    model: str = ""
    version: str = ""


class Metrics:
    """In a registry of its own."""

    def __init__(self, loaded_versions: Callable[[], Iterable[tuple[str, int]]]) -> None:
        """Args: loaded_versions: the models with their available versions, at the time of the call."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}_requests",
            "Requests answered",
            ["model", "version", "method", "code"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            f"{_PREFIX}_request_seconds",
            "From a request to its answer",
            ["model", "method"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._in_flight = Gauge(f"{_PREFIX}_requests_in_flight", "Being answered or waiting", registry=self._registry)
        self._registry.register(_LoadedVersions(loaded_versions))

    def page(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self._registry)

    @contextmanager
    def request(self, method: str) -> Iterator[CountedRequest]:
        """Counts what happens inside, by the exception that leaves it."""
        counted, code, start = CountedRequest(), StatusCode.CANCELLED, time.perf_counter()
        self._in_flight.inc()
        try:
            yield counted
            code = StatusCode.OK
        except RequestError as error:
            code = error.code
            raise
        except Exception:
            code = StatusCode.INTERNAL
            raise
        finally:
            self._in_flight.dec()
            self._seconds.labels(counted.model, method).observe(time.perf_counter() - start)
            self._requests.labels(counted.model, counted.version, method, code.name).inc()


class _LoadedVersions(Collector):
    def __init__(self, loaded: Callable[[], Iterable[tuple[str, int]]]) -> None:
        self._loaded = loaded

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            f"{_PREFIX}_version_loaded", "1 for each version that answers", labels=["model", "version"]
        )
        for model, version in self._loaded():
            family.add_metric([model, str(version)], 1)
        yield family
