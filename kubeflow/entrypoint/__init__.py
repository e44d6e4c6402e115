"""The container command: runs a TFX executor under the launcher of open-source Kubeflow Pipelines v2.

TFX's own entrypoint was written for Vertex AI. What the open-source launcher does differently is undone here, one
function for each difference, before and after TFX's entrypoint runs.
"""
