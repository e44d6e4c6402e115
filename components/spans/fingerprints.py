"""The fingerprints of ingested images, kept beside their manifest for the spans to come."""

import numpy as np
from tfx.dsl.io import fileio

from components.manifest import Manifest
from components.near_duplicates import Rows
from components.spans.ledger import FINGERPRINTS_FILE


def write_fingerprints(manifest: Manifest, fingerprints: Rows[np.uint8], directory: str) -> None:
    """Writes them in the order of the manifest's table, which is that of the sources.

    Args: fingerprints: (entries, FINGERPRINT_LENGTH), in the order of the entries.
    """
    with fileio.open(f"{directory}/{FINGERPRINTS_FILE}", "wb") as file:
        for row in sorted(range(len(manifest)), key=lambda row: manifest[row].source):
            file.write(fingerprints[row : row + 1].tobytes())
