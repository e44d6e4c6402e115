"""Artifact types that TFX does not have.

Their names have the dot that Kubeflow Pipelines asks for, and they declare no properties, which TFX's compiler for it
refuses; what goes with an artifact is in its custom properties.
"""

from tfx.types.artifact import Artifact


class DatasetManifest(Artifact):
    """A folder with `manifest.csv` (every image, its label, group, split and checksum) and `similar_pairs.csv`."""

    TYPE_NAME = "breast_imaging.DatasetManifest"


class DataGateReport(Artifact):
    """A folder with `gate.json` (what was found in data that passed) and the statistics of train."""

    TYPE_NAME = "breast_imaging.DataGateReport"


class SpanVerdict(Artifact):
    """A folder with `span.json`: whether a span of data is accepted, why, and how it differs from earlier ones."""

    TYPE_NAME = "breast_imaging.SpanVerdict"


class RetrainingRecord(Artifact):
    """The line of the history that a retraining wrote; its custom properties hold it."""

    TYPE_NAME = "breast_imaging.RetrainingRecord"


class RunReport(Artifact):
    """A folder with `index.html`, for people, and `summary.json`, for programs."""

    TYPE_NAME = "breast_imaging.RunReport"


class HtmlPage(Artifact):
    """One HTML file, which the Kubeflow Pipelines UI shows. Its URI is that of the file, as that asks for."""

    TYPE_NAME = "system.HTML"


class ImageFeatures(Artifact):
    """A folder for each split with the feature maps that a frozen backbone makes of its images."""

    TYPE_NAME = "breast_imaging.ImageFeatures"


class CrossValidationReport(Artifact):
    """A folder with `cross_validation.json` (figures with their intervals) and `predictions.csv`."""

    TYPE_NAME = "breast_imaging.CrossValidationReport"


class ClinicalEvaluation(Artifact):
    """A folder with `clinical_evaluation.json` (figures with their intervals, the verdict) and `predictions.csv`."""

    TYPE_NAME = "breast_imaging.ClinicalEvaluation"


class ClinicalBlessing(Artifact):
    """Whether the lower bounds of a model reach what the configuration asks for; see the custom properties."""

    TYPE_NAME = "breast_imaging.ClinicalBlessing"


class HeatMapEvaluation(Artifact):
    """A folder with `heat_maps.json`: how well the heat maps of a model point at lesions, and what they depend on."""

    TYPE_NAME = "breast_imaging.HeatMapEvaluation"


class ModelCards(Artifact):
    """A folder with the model card and the data card of a model, each as Markdown and JSON."""

    TYPE_NAME = "breast_imaging.ModelCards"


class Metrics(Artifact):
    """Figures by name, in the custom properties, which the Kubeflow Pipelines UI lists and compares between runs."""

    TYPE_NAME = "system.Metrics"


class ClassificationMetrics(Artifact):
    """An ROC curve and a confusion matrix, in the custom properties, which the Kubeflow Pipelines UI draws."""

    TYPE_NAME = "system.ClassificationMetrics"
