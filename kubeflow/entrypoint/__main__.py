"""`python -m kubeflow.entrypoint`, with the arguments that TFX's compiler writes."""

import os
import sys

from kubeflow.entrypoint.folders import use_writable_folders
from pipeline.heavy_imports import heavy_imports
from schema.errors import BreastImagingError


def main() -> None:
    """Runs the executor and ends the process with the exit code of its failure."""
    try:
        use_writable_folders(os.environ)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    # As in kfp's own containers: its compiler and client, which take a second to import, are left out.
    os.environ["_KFP_RUNTIME"] = "true"
    # Only now: libraries look for their caches when they are imported.
    with heavy_imports():
        from kubeflow.entrypoint.execute import execute

    sys.exit(execute(sys.argv[1:]))


if __name__ == "__main__":
    main()
