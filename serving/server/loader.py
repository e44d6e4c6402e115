"""How this server opens a version folder."""

from collections.abc import Callable
from pathlib import Path

from tensorflow.core.protobuf.config_pb2 import ConfigProto, GPUOptions, RunOptions

from serving.saved_model import SessionModel
from serving.server.settings import Limits, Threads
from serving.server.warm_up import warm_up


def make_loader(threads: Threads, limits: Limits) -> Callable[[Path], SessionModel]:
    """A function that opens a version folder and warms it up, and raises UnusableModelError where it cannot."""
    config = ConfigProto(
        intra_op_parallelism_threads=threads.intra_op,
        inter_op_parallelism_threads=1,
        gpu_options=GPUOptions(allow_growth=True),
    )
    # In the thread of the request: handing operations to another one takes longer than most of them.
    options = RunOptions(inter_op_thread_pool=-1)

    def load(folder: Path) -> SessionModel:
        model = SessionModel(str(folder), config, options)
        try:
            warm_up(model, limits)
        except BaseException:
            model.close()
            raise
        return model

    return load
