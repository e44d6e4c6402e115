"""Runs a compiled pipeline without a cluster, task by task, as the backend of Kubeflow Pipelines v2 does.

What it does is read from the sources of kubeflow/pipelines 2.16 below backend/src/v2; each module names its files.
"""
