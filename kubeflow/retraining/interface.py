"""Names of what the task is given and what it gives, for the one who compiles it and the one who runs it."""

from typing import Final

CONFIGURATION: Final = "configuration"
DATA_DIRECTORY: Final = "data_directory"
OUTPUT_DIRECTORY: Final = "output_directory"

HISTORY: Final = "history"
METRICS: Final = "metrics"
