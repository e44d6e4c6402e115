"""Entries of manifests, as ingestion makes them."""

from typing import Any

from components.manifest import ManifestEntry


def inspected_image(source: str, **changes: Any) -> ManifestEntry:
    """An image without fault, unlike all others."""
    values: dict[str, Any] = {
        "sha256": f"file {source}",
        "pixel_sha256": f"pixels of {source}",
        "height": 60,
        "width": 80,
        "channels": 1,
        "bit_depth": 8,
        "mean": 0.3,
        "highest": 1.0,
        "levels": 200,
        "border": 0.1,
    }
    return ManifestEntry(source, **(values | changes))
