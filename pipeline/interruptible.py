"""Beam pipelines whose job ends with whoever waits for it."""

from contextlib import suppress
from types import TracebackType

import apache_beam as beam
import grpc


class InterruptiblePipeline(beam.Pipeline):
    """Cancels its job on the engine where this process is asked to stop; Beam would leave it running."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        except KeyboardInterrupt:
            if self.result is not None:
                with suppress(grpc.RpcError):  # a job server of our own has been stopped, and its job with it
                    self.result.cancel()
            raise
