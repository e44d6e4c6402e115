"""`python -m kubeflow.retraining`, with what the launcher hands over as its argument."""

import os
import sys

from kubeflow.entrypoint.folders import use_writable_folders
from schema.errors import BreastImagingError


def main() -> None:
    """Retrains and ends the process: with 0 after a decision, else with the exit code of the failure."""
    try:
        use_writable_folders(os.environ)
        # Only now: libraries look for their caches when they are imported.
        from kubeflow.retraining.execute import execute

        exit_code = execute(sys.argv[1])
    except BreastImagingError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        exit_code = error.exit_code
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
