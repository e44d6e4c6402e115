"""Running the same graph on Kubeflow Pipelines."""
