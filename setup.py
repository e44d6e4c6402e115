"""Packaging entry for pip and for Beam's remote workers; all metadata is in pyproject.toml."""

from setuptools import setup

setup()
