"""Where a phase of training stands, kept on disk so that a killed training goes on where it was."""

import hashlib
import io
import json
import logging
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tfx import types
from tfx.dsl.io import fileio

_LOGGER: Final = logging.getLogger(__name__)
_FACTS: Final = "facts"
_ARRAYS: Final = ("weights", "optimizer", "best_weights")


def checkpoint_folder(output: str, inputs: Mapping[str, list[types.Artifact]], properties: Mapping[str, Any]) -> str:
    """The same folder for every attempt at the same work, beside the outputs of the step.

    Args:
        output: URI of one of them, `.../<step>/<output>/<execution>`.
        inputs, properties: of the step, as its executor gets them.
    """
    uris = {name: [artifact.uri for artifact in artifacts] for name, artifacts in inputs.items()}
    work = json.dumps([uris, dict(properties)], sort_keys=True, default=str)
    step = os.path.dirname(os.path.dirname(output.rstrip("/")))
    return f"{step}/checkpoints/{hashlib.sha256(work.encode()).hexdigest()}"


def forget_checkpoints(folder: str) -> None:
    """When the work is done."""
    if folder and fileio.exists(folder):
        fileio.rmtree(folder)


@dataclass
class PhaseState:
    """Attributes: weights, optimizer: of the model after the last epoch; best_weights: those of `best_epoch`, counted
    from 1; values: of each epoch by Keras's names; ended: whether the phase is over."""

    weights: list[NDArray[Any]] = field(default_factory=list)
    optimizer: list[NDArray[Any]] = field(default_factory=list)
    best_weights: list[NDArray[Any]] = field(default_factory=list)
    best_epoch: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)
    ended: bool = False

    @property
    def epochs(self) -> int:
        """How many are behind."""
        return max(map(len, self.values.values()), default=0)


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of one phase."""

    path: str

    def read(self) -> PhaseState | None:
        """None where there is no file, or one that a dying machine left unreadable, which the log then says."""
        if not fileio.exists(self.path):
            return None
        with fileio.open(self.path, "rb") as file:
            content = file.read()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                facts = json.loads(str(arrays[_FACTS]))
                lists = {name: [arrays[f"{name} {number}"] for number in range(facts[name])] for name in _ARRAYS}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _LOGGER.warning("The checkpoint %s cannot be read (%s); the phase starts anew.", self.path, error)
            return None
        return PhaseState(**lists, best_epoch=facts["best_epoch"], values=facts["values"], ended=facts["ended"])

    def write(self, state: PhaseState) -> None:
        """Replaces the file at once, so that there is always a whole one."""
        lists = {name: getattr(state, name) for name in _ARRAYS}
        facts: dict[str, Any] = {name: len(arrays) for name, arrays in lists.items()}
        facts |= {"best_epoch": state.best_epoch, "values": state.values, "ended": state.ended}
        arrays: dict[str, Any] = {
            f"{name} {number}": array for name in lists for number, array in enumerate(lists[name])
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{_FACTS: np.array(json.dumps(facts))}, **arrays)
        partial = f"{self.path}.partial"
        fileio.makedirs(self.path.rpartition("/")[0])
        with fileio.open(partial, "wb") as file:
            file.write(buffer.getvalue())
        fileio.rename(partial, self.path, overwrite=True)
