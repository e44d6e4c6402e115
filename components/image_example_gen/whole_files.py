"""Files of workers: there whole, or not there.

An engine may give a part to a second worker where the first one is slow or has died, so that two write the same file.
They write the same bytes, each under a name of its own, and the last one to end replaces the file in one step.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tfx.dsl.io import fileio


@contextmanager
def whole_file(path: str, directory: str) -> Iterator[str]:
    """Gives a name to write to, and moves what was written to `path` where the block ends without an error.

    Args:
        directory: to write in, on the file system of `path`; whoever made it removes it with what is left in it.
    """
    partial = os.path.join(directory, f"{uuid.uuid4().hex}.partial")
    yield partial
    fileio.rename(partial, path, overwrite=True)
