"""Folders that can be written to, for a user without a home on a read-only root file system."""

import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from schema.errors import ConfigurationError

# Each library makes its folder on its own where the variable names it, and guesses one below / where it does not.
_CACHES: Final = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config", "MPLCONFIGDIR": ".matplotlib"}


def use_writable_folders(environment: MutableMapping[str, str]) -> None:
    """Points HOME and the caches below it to the folder for temporary files, where HOME cannot be written to.

    Raises ConfigurationError where no folder for temporary files can be written to.
    """
    try:
        scratch = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise ConfigurationError(
            "There is no folder for temporary files that can be written to.",
            fix="mount an emptyDir volume at /tmp, or name another folder in TMPDIR",
            reasons=[str(error)],
        ) from error
    home = environment.get("HOME", "")
    if _is_writable(home):
        return
    home = str(scratch / "home")
    Path(home).mkdir(mode=0o700, exist_ok=True)
    environment["HOME"] = home
    for variable, folder in _CACHES.items():
        environment[variable] = f"{home}/{folder}"


def _is_writable(folder: str) -> bool:
    if not folder:
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
