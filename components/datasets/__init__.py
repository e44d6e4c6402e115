"""Data sets: one module each, exporting one `DATASET: DatasetSpec`. See `registry`."""
