"""A manifest on disk, so that what is known of an image takes no memory."""

import os
import pickle
import tempfile
from array import array
from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Final, overload

from components.manifest import Manifest, ManifestEntry, Selection

_values_of: Final = attrgetter(*(column.name for column in fields(ManifestEntry)))


class DiskEntries(Manifest):
    """Entries in a temporary file, which goes when this object goes; each is made anew when it is asked for."""

    def __init__(self, entries: Iterable[ManifestEntry]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with this object
        self._ends = array("q", [0])
        for entry in entries:
            self._ends.append(self._ends[-1] + self._file.write(pickle.dumps(_values_of(entry))))
        self._file.flush()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, row: int) -> ManifestEntry: ...

    @overload
    def __getitem__(self, row: slice) -> Selection: ...

    def __getitem__(self, row: int | slice) -> ManifestEntry | Selection:
        rows = range(len(self))[row]
        if isinstance(rows, range):
            return Selection(self, rows)
        start, end = self._ends[rows], self._ends[rows + 1]
        values = os.pread(self._file.fileno(), end - start, start)
        return ManifestEntry(*pickle.loads(values))  # noqa: S301  written above, to a file without a name
