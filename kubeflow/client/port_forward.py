"""A way to a server that only its cluster can reach: `kubectl port-forward`, for as long as it is needed."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from schema.errors import BreastImagingError, ConfigurationError

SERVICE: Final = "service/ml-pipeline"
_SERVICE_PORT: Final = 8888
_FORWARDING: Final = re.compile(rb"^Forwarding from 127\.0\.0\.1:(\d+) ->", re.MULTILINE)
_POLL: Final = 0.05
_GRACE: Final = 5.0


@contextmanager
def port_forward(namespace: str, context: str | None, wait: float) -> Iterator[str]:
    """Forwards a free port of this machine to the API server while the block runs, and yields its address.

    Args:
        namespace: of Kubeflow Pipelines itself.
        context: of kubectl's configuration; None for its current one.
        wait: seconds in which the way has to be open.

    Raises ConfigurationError without kubectl, and BreastImagingError, with kubectl's words, where it finds no way.
    """
    if shutil.which("kubectl") is None:
        raise ConfigurationError(
            "--port-forward needs kubectl, which is not on the PATH.",
            fix="install kubectl, or name an address with --endpoint",
        )
    command = ["kubectl", "port-forward", "--address=127.0.0.1", f"--namespace={namespace}"]
    command += [f"--context={context}"] if context else []
    with tempfile.TemporaryFile() as said:  # a pipe would fill: kubectl writes a line for each connection
        # A session of its own, so that Ctrl-C ends the command first, which may still have to ask the server.
        child = subprocess.Popen(
            [*command, SERVICE, f":{_SERVICE_PORT}"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{_wait_for_port(child, said, wait)}"
        finally:
            _end(child)


def _wait_for_port(child: subprocess.Popen[bytes], said: IO[bytes], wait: float) -> int:
    deadline = time.monotonic() + wait
    while True:
        ended = child.poll() is not None
        words = os.pread(said.fileno(), 64 * 1024, 0)  # a seek would move kubectl's place in the file as well
        if found := _FORWARDING.search(words):
            return int(found.group(1))
        if ended or time.monotonic() > deadline:
            why = "ended" if ended else f"opened no way in {wait:g} s"
            raise BreastImagingError(
                f"kubectl port-forward to {SERVICE} {why}.",
                reasons=words.decode(errors="replace").splitlines(),
                fix="check --kube-context and --server-namespace: `kubectl get service ml-pipeline` has to find it",
            )
        time.sleep(_POLL)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
