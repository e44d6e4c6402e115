"""A SavedModel in a session, asked by signature, as TensorFlow Serving runs it.

Python's `tf.saved_model.load` runs models that TensorFlow Serving cannot, so it proves nothing.
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.config_pb2 import CallableOptions, ConfigProto, RunOptions
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from schema.errors import BreastImagingError

MODEL_FIX: Final = "publish the model again from a run that blessed it"

Arrays = Mapping[str, NDArray[np.generic]]


class UnusableModelError(BreastImagingError):
    """The folder holds no model that can be served."""


class SessionModel:
    """A SavedModel, loaded. Use as a context manager, or close it. Threads may share it until then.

    Attributes:
        directory: of the SavedModel.
        session: that which holds the model, for tools that look into it.
        signatures: by name, without TensorFlow's own for initialisation.
    """

    def __init__(
        self, directory: str, config: ConfigProto | None = None, run_options: RunOptions | None = None
    ) -> None:
        """Raises UnusableModelError where the folder holds no SavedModel that can be loaded."""
        self.directory = directory
        self.session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        try:
            meta_graph = tf.compat.v1.saved_model.load(self.session, [tf.saved_model.SERVING], directory)
        except (tf.errors.OpError, OSError, ValueError, RuntimeError) as error:
            self.session.close()
            raise UnusableModelError(
                f"The model in {directory} cannot be loaded ({type(error).__name__}: {error}).", fix=MODEL_FIX
            ) from error
        self.signatures: Mapping[str, SignatureDef] = {
            name: signature for name, signature in meta_graph.signature_def.items() if not name.startswith("__")
        }
        self._run_options = run_options or RunOptions()
        self._callables: dict[str, Callable[..., list[NDArray[np.generic]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._callables.clear()
        self.session.close()

    def run(self, signature: str, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Asks one of `signatures` for all its outputs, given all its inputs.

        Raises tf.errors.OpError where the graph cannot answer.
        """
        definition = self.signatures[signature]
        answer = self._callable(signature)(*(inputs[name] for name in sorted(definition.inputs)))
        return dict(zip(sorted(definition.outputs), answer, strict=True))

    def _callable(self, signature: str) -> Callable[..., list[NDArray[np.generic]]]:
        """Prepared once: `Session.run` looks every name up again, which takes as long as a small network."""
        made = self._callables.get(signature)
        if made is None:
            definition = self.signatures[signature]
            options = CallableOptions(
                feed=[definition.inputs[name].name for name in sorted(definition.inputs)],
                fetch=[definition.outputs[name].name for name in sorted(definition.outputs)],
                run_options=self._run_options,
            )
            made = self._callables.setdefault(signature, self.session._make_callable_from_options(options))
        return made


def first_line(error: tf.errors.OpError) -> str:
    """What TensorFlow says went wrong, without the operations that it went through."""
    lines = [line.strip() for line in error.message.splitlines()]
    return next((line for line in lines if line and line != "Graph execution error:"), "no message")
