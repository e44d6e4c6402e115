"""The embedded server in a process of its own, for benchmarks that ask it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(r"gRPC at (\S+:\d+)")


@dataclass(frozen=True)
class Served:
    """Attributes: address: host:port of gRPC; pid: of the server."""

    address: str
    pid: int


@contextmanager
def serving(model: Path, options: Sequence[str] = ()) -> Iterator[Served]:
    """Serves the latest version of a model, as `breast-imaging serve` does."""
    program = "from pipeline.cli.main import main; main()"
    ports = ["--grpc-port", "0", "--rest-port", "0"]
    command = [sys.executable, "-c", program, "serve", "--model", str(model), *ports, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address = ""
    for line in process.stdout:
        address = found[1] if (found := _ADDRESS.search(line)) else address
        if line.startswith("Serving ") and "no version" not in line:
            break
    try:
        yield Served(address, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def request_of(name: str, images: Sequence[bytes]) -> bytes:
    """A serialized request to `serving_image`."""
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    from schema import contract

    request = PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = contract.SERVING_IMAGE
    request.inputs[contract.IMAGE_BYTES_INPUT].CopyFrom(tf.make_tensor_proto(list(images)))
    return bytes(request.SerializeToString())
