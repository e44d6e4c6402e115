"""The history of retraining on one page, made of the same parts as the report of a run."""
