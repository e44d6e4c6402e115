"""The section `kubeflow` of a configuration: what a cluster gives each step, and where its data are."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from components.settings import Settings

ComponentName = Literal[
    "ImageExampleGen",
    "ImportSchemaGen",
    "StatisticsGen",
    "ExampleValidator",
    "LatestAcceptedData",
    "DataGate",
    "AcceptedDataKeeper",
    "Transform",
    "FeatureExtractor",
    "Tuner",
    "WarmStartModel",
    "Trainer",
    "LatestBlessedModel",
    "Evaluator",
    "ClinicalEvaluator",
    "HeatMapEvaluator",
    "CardWriter",
    "Pusher",
    "WeightsKeeper",
    "RunReport",
]
# All others ask a model for a batch at a time, or none at all.
GPU_COMPONENTS: Final[frozenset[str]] = frozenset({"FeatureExtractor", "Tuner", "Trainer"})

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity, without signs and exponents.
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|[kMGTPE]|[KMGTPE]i)?$")]
# RFC 1123, as Kubernetes names its objects.
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
LabelKey = Annotated[
    str,
    Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", max_length=317),
]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]
SecretKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]


def _check_mount_path(path: str) -> str:
    if path != "/" and path.startswith("/") and ":" not in path and not path.endswith("/"):
        return path
    raise ValueError("must be an absolute path below /, without a colon and without a slash at its end")


MountPath = Annotated[str, AfterValidator(_check_mount_path)]


class FolderSettings(Settings):
    """A folder that steps use besides their artifacts.

    Attributes:
        path: in the containers; for what is published and kept, a URI in an object store too.
        claim: PersistentVolumeClaim that is mounted there; empty where none is.
    """

    path: str
    claim: ObjectName | Literal[""]


class DataFolder(FolderSettings):
    path: MountPath = "/mnt/data"
    claim: ObjectName | Literal[""] = "data"


class ServingFolder(FolderSettings):
    path: str = "/mnt/models"
    claim: ObjectName | Literal[""] = "models"


class HistoryFolder(FolderSettings):
    path: str = "/mnt/history"
    claim: ObjectName | Literal[""] = "history"


class KubeflowSettings(Settings):
    """How the pipeline runs on Kubeflow Pipelines.

    Attributes:
        pipeline_root: where artifacts are written.
        data, serving, history: folders of images, of published models, and of what runs keep for the next.
    """

    pipeline_root: Annotated[str, Field(pattern=r"^(minio|s3|gs)://[^/\s]+(/\S*)?$")] = (
        "minio://mlpipeline/v2/artifacts"
    )
    data: DataFolder = DataFolder()
    serving: ServingFolder = ServingFolder()
    history: HistoryFolder = HistoryFolder()

    @property
    def mounts(self) -> dict[str, str]:
        """Where each claim is mounted."""
        folders = (self.data, self.serving, self.history)
        return {folder.claim: folder.path for folder in folders if folder.claim}
