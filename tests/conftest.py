"""Shared set-up. As `tests` is a package, this file also puts the root of the repository on the import path."""

import signal

from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    _let_ctrl_c_reach_what_tests_start()
    # How long an example takes says more about the machine than about the code.
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


def _let_ctrl_c_reach_what_tests_start() -> None:
    """A shell's background jobs, and all that they start, ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
