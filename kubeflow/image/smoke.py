"""Proves of an installed image that it can do its work, in the confinement that a cluster imposes.

python -m kubeflow.image.smoke
"""

import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.utils import import_utils

import components
import kubeflow
import pipeline
import schema
import serving
from schema.errors import BreastImagingError

PACKAGES: Final = (schema, serving, components, pipeline, kubeflow)
_COMMAND_SECONDS: Final = 60


class UnusableImageError(BreastImagingError):
    """The image would fail in a cluster."""


def import_everything(packages: tuple[ModuleType, ...] = PACKAGES) -> str:
    """Imports every module: a missing package, file or shared library shows here and not in the middle of a run.

    Raises UnusableImageError.
    """
    names = [
        found.name
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith(".__main__")
    ]
    reasons = [f"{name}: {reason}" for name in names if (reason := _import_failure(name))]
    if reasons:
        raise UnusableImageError("Modules cannot be imported.", reasons=reasons, fix="complete the lock of the image")
    return f"{len(names)} modules imported"


def _import_failure(name: str) -> str:
    try:
        importlib.import_module(name)
    except (ImportError, OSError) as error:  # a shared library that is not there is an OSError to some packages
        return str(error)
    return ""


def import_executors() -> str:
    """Imports what each component runs by its path, as the entrypoint of a task does. Raises UnusableImageError."""
    paths = executor_paths()
    reasons = [f"{path}: {reason}" for path in paths if (reason := _executor_failure(path))]
    if reasons:
        raise UnusableImageError("Executors are not where components say.", reasons=reasons, fix="install anew")
    return f"{len(paths)} executors imported"


def executor_paths() -> list[str]:
    """Of all components that the modules imported so far define or use, sorted."""
    specs = (getattr(each, "EXECUTOR_SPEC", None) for each in _subclasses(BaseComponent))
    return sorted({spec.class_path for spec in specs if isinstance(spec, ExecutorClassSpec)})


def _executor_failure(path: str) -> str:
    try:
        import_utils.import_class_by_path(path)
    except (ImportError, AttributeError) as error:
        return str(error)
    return ""


def _subclasses(parent: type[BaseComponent]) -> Iterator[type[BaseComponent]]:
    children: list[type[BaseComponent]] = parent.__subclasses__()
    for child in children:
        yield child
        yield from _subclasses(child)


def answer_help() -> str:
    """Asks the console command of this environment for its help. Raises UnusableImageError."""
    command = str(Path(sysconfig.get_path("scripts")) / "breast-imaging")
    try:
        subprocess.run([command, "--help"], check=True, capture_output=True, text=True, timeout=_COMMAND_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnusableImageError(f"{command} does not answer ({error}).", fix="install the project anew") from error
    return f"{command} answers"


def check_confinement() -> str:
    """Not root; nothing that was installed can be changed; there is a home and a place for temporary files.

    Raises UnusableImageError.
    """
    installed = [Path(sysconfig.get_path("purelib")), *(Path(package.__path__[0]) for package in PACKAGES)]
    reasons = [f"{path} can be changed" for path in installed if os.access(path, os.W_OK)]
    writable = (Path.home(), Path(tempfile.gettempdir()))
    reasons += [f"{path} cannot be written to" for path in writable if not os.access(path, os.W_OK)]
    if os.geteuid() == 0:
        reasons.append("the user is root")
    if reasons:
        raise UnusableImageError(
            "The image is not confined.",
            reasons=reasons,
            fix="run it as a user other than root, with a volume for temporary files mounted at /tmp",
        )
    return f"confined, as user {os.geteuid()}"


CHECKS: Final[tuple[Callable[[], str], ...]] = (import_everything, import_executors, answer_help, check_confinement)


def main() -> int:
    """Prints a line for each check. Returns 0, or the exit code of the first that fails."""
    for check in CHECKS:
        try:
            print(check(), flush=True)
        except BreastImagingError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
