"""Judges a model on intervals: what the test images can certify, and what they cannot."""
