"""Retraining as data come in: new spans are validated, added, trained on, and each decision is recorded."""
