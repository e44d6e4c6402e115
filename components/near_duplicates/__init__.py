"""Near-duplicate images: fingerprints, search, groups.

`fingerprint` looks at one image at a time; all else sees fingerprints only. Pairs are proposed by nearest
neighbours (`candidates`) and confirmed by comparison of pictures (`comparison`).
"""

from components.near_duplicates.disk_rows import DiskRows, FileRows, Rows
from components.near_duplicates.fingerprints import FINGERPRINT_LENGTH, fingerprint
from components.near_duplicates.groups import first_of_equal, group_by_pairs
from components.near_duplicates.search import (
    COPY_SIMILARITY,
    NearDuplicate,
    find_near_duplicates,
)
from components.near_duplicates.workers import THREADS, Workers

__all__ = [
    "COPY_SIMILARITY",
    "FINGERPRINT_LENGTH",
    "THREADS",
    "DiskRows",
    "FileRows",
    "NearDuplicate",
    "Rows",
    "Workers",
    "find_near_duplicates",
    "fingerprint",
    "first_of_equal",
    "group_by_pairs",
]
