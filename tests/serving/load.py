"""Clients that ask a server without pause, and remember every answer."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from schema import contract
from tests.serving.requests_of import DEADLINE_SECONDS, arrays, image_request, spec


@dataclass
class Load:
    """Attributes: answers: (version, threshold) of each; failures: status codes; differing: wrong probabilities."""

    answers: Counter[tuple[int, float]] = field(default_factory=Counter)
    failures: Counter[grpc.StatusCode] = field(default_factory=Counter)
    differing: int = 0

    def versions(self) -> set[int]:
        return {version for version, _ in list(self.answers)}


@contextmanager
def under_load(address: str, name: str, image: bytes, right: Sequence[float], clients: int = 4) -> Iterator[Load]:
    """Args: right: probabilities of the image, which all versions share."""
    load, lock, stop = Load(), threading.Lock(), threading.Event()

    def ask() -> None:
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = PredictionServiceStub(channel)
            while not stop.is_set():
                try:
                    response = stub.Predict(image_request(spec(name), [image]), timeout=DEADLINE_SECONDS)
                except grpc.RpcError as error:
                    with lock:
                        load.failures[error.code()] += 1
                    stop.wait(0.01)
                    continue
                found = arrays(response)
                same = np.allclose(found[contract.PROBABILITIES][0], right, rtol=0.0, atol=1e-5)
                with lock:
                    load.answers[response.model_spec.version.value, float(found[contract.THRESHOLD][0])] += 1
                    load.differing += not same

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()
