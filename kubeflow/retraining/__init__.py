"""Retraining on Kubeflow Pipelines: one task that does what `breast-imaging retrain` does."""
