"""Shared set-up. As `tests` is a package, this file also puts the root of the repository on the import path."""
