"""Tells people and programs what a retraining decided. An alert that fails changes nothing about the retraining."""
