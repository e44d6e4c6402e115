"""Artifact types that TFX does not have. Their names have the dot that Kubeflow Pipelines asks for."""

from tfx.types.artifact import Artifact


class DatasetManifest(Artifact):
    """A folder with `manifest.csv` (every image, its label, group, split and checksum) and `similar_pairs.csv`."""

    TYPE_NAME = "breast_imaging.DatasetManifest"


class DataGateReport(Artifact):
    """A folder with `gate.json` (what was found in data that passed) and the statistics of train."""

    TYPE_NAME = "breast_imaging.DataGateReport"


class RunReport(Artifact):
    """A folder with `index.html`, for people, and `summary.json`, for programs."""

    TYPE_NAME = "breast_imaging.RunReport"
