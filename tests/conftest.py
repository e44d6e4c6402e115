"""Shared set-up. As `tests` is a package, this file also puts the root of the repository on the import path."""

import signal


def pytest_configure() -> None:
    """Lets Ctrl-C reach what tests start: a shell's background jobs, and all that they start, ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
