"""Architectures: one module each, exporting one `MODEL: ModelSpec`. See `registry`."""
