"""For processes that import TensorFlow, Beam and TFX: nine thousand modules."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Has Python look for no garbage during imports, which make next to none: that takes a fifth of their time.

    What is there afterwards stays, and later collections do not go through it again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
