"""The section `kubeflow` of a configuration: what a cluster gives each step, and where its data are."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from components.settings import Settings

COMPONENTS: Final = (
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
)
RETRAINING: Final = "Retraining"  # all steps of `breast-imaging retrain`, in one
# The one that TensorFlow and TFX open; S3 took the plug-ins of tensorflow-io, which has none for this TensorFlow.
OBJECT_STORE: Final = "gs://"
SCRATCH: Final = "/tmp"  # noqa: S108  a folder in a container
SCRATCH_VOLUME: Final = "scratch"

# All other steps ask a model for a batch at a time, or none at all.
GPU_COMPONENTS: Final[frozenset[str]] = frozenset({"FeatureExtractor", "Tuner", "Trainer", RETRAINING})

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


def _check_component(name: str) -> str:
    known = (*COMPONENTS, RETRAINING)
    if name in known:
        return name
    raise ValueError(f"there is no such step; known are {', '.join(known)}")


MountPath = Annotated[str, AfterValidator(_check_mount_path)]
ComponentName = Annotated[str, AfterValidator(_check_component)]


class FolderSettings(Settings):
    """A folder that steps use besides their artifacts.

    Attributes:
        path: in the containers; for what is published and kept, a gs:// URI too.
        claim: PersistentVolumeClaim that is mounted there; empty where none is.
    """

    path: str
    claim: ObjectName | Literal[""]

    @model_validator(mode="after")
    def _is_a_place(self) -> "FolderSettings":
        if "://" not in self.path:
            _check_mount_path(self.path)
        elif not self.path.startswith(OBJECT_STORE):
            raise ValueError(
                f"{self.path}: TensorFlow opens {OBJECT_STORE} and no other object store; mount a volume"
            )
        elif self.claim:
            raise ValueError(f"{self.path} is in an object store, so that no claim is mounted there; write claim: ''")
        return self


class DataFolder(FolderSettings):
    """Images are read as files, so that they lie on a volume."""

    path: MountPath = "/mnt/data"
    claim: ObjectName | Literal[""] = "data"


class ServingFolder(FolderSettings):
    """Attributes: claim: that of `serving/deployment/kubernetes`, whose servers then find the models."""

    path: str = "/mnt/models"
    claim: ObjectName | Literal[""] = "models"


class HistoryFolder(FolderSettings):
    """Attributes: path: of reports on accepted data, and of weights to start from."""

    path: str = "/mnt/history"
    claim: ObjectName | Literal[""] = "history"


class ResourceSettings(Settings):
    """What a step gets, and may not exceed. Attributes: cpu: processors; memory: in Kubernetes' units."""

    cpu: Quantity = "2"
    memory: Quantity = "8Gi"


class ComponentResources(Settings):
    """Where a step gets something else. Attributes: cpu, memory: as usual where empty; gpus: how many."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    gpus: Annotated[int, Field(ge=0, le=16)] = 0


class Toleration(Settings):
    """As in a Kubernetes pod: a taint of nodes that does not keep a step away. An empty effect matches each."""

    key: LabelKey | Literal[""] = ""
    operator: Literal["Exists", "Equal"] = "Exists"
    value: LabelValue = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""

    @model_validator(mode="after")
    def _as_kubernetes_has_it(self) -> "Toleration":
        if self.operator == "Exists" and self.value:
            raise ValueError("a toleration with the operator Exists has no value; write operator: Equal")
        if self.operator == "Equal" and not self.key:
            raise ValueError("a toleration with the operator Equal needs a key")
        return self


class GpuSettings(Settings):
    """For steps that get GPUs.

    Attributes:
        resource: name under which the cluster offers them.
        node_selector: labels of the nodes that have them.
        tolerations: of those nodes' taints.
    """

    resource: LabelKey = "nvidia.com/gpu"
    node_selector: dict[LabelKey, LabelValue] = {}
    tolerations: tuple[Toleration, ...] = ()


class RetrySettings(Settings):
    """What is done when a step fails: it is tried again, but for the data gate, whose verdict stays what it is.

    Attributes:
        attempts: after the first one; 0 for none.
        backoff_seconds: before the first of them.
        backoff_factor: by which each wait is longer than the last.
        backoff_limit_seconds: the longest wait.
    """

    attempts: Annotated[int, Field(ge=0, le=20)] = 2
    backoff_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    backoff_factor: Annotated[float, Field(ge=1.0, le=10.0)] = 2.0
    backoff_limit_seconds: Annotated[int, Field(ge=1, le=86400)] = 600


class SecretVariables(Settings):
    """Values of a Secret as environment variables. Attributes: secret: its name; keys: by environment variable."""

    secret: ObjectName
    keys: Annotated[dict[EnvironmentName, SecretKey], Field(min_length=1)]


class KubeflowSettings(Settings):
    """How the pipeline runs on Kubeflow Pipelines.

    Attributes:
        pipeline_root: where artifacts are written.
        data, serving, history: folders of images, of published models, and of what runs keep for the next.
        volumes: further folders, by the name of their PersistentVolumeClaim: one with weights, say.
        scratch_size: room below /tmp, which is all that a step can write to besides.
        resources: of every step.
        components: those of single steps, by their names.
        gpu: see `GpuSettings`.
        retry: see `RetrySettings`.
        environment: variables of every step, in plain text; what is secret is in a Secret.
        secret_variables: see `SecretVariables`.
        secret_files: folders with a file for each key of a Secret, by its name.
        image_pull_policy: of the image.
        image_pull_secrets: names of Secrets that open its registry.
    """

    pipeline_root: Annotated[str, Field(pattern=r"^(minio|s3|gs)://[^/\s]+(/\S*)?$")] = (
        "minio://mlpipeline/v2/artifacts"
    )
    data: DataFolder = DataFolder()
    serving: ServingFolder = ServingFolder()
    history: HistoryFolder = HistoryFolder()
    volumes: dict[ObjectName, MountPath] = {}
    scratch_size: Quantity = "20Gi"
    resources: ResourceSettings = ResourceSettings()
    components: dict[ComponentName, ComponentResources] = {}
    gpu: GpuSettings = GpuSettings()
    retry: RetrySettings = RetrySettings()
    environment: dict[EnvironmentName, str] = {}
    secret_variables: tuple[SecretVariables, ...] = ()
    secret_files: dict[ObjectName, MountPath] = {}
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[ObjectName, ...] = ()

    @property
    def mounts(self) -> dict[str, str]:
        """Where each claim is mounted."""
        folders = (self.data, self.serving, self.history)
        return {folder.claim: folder.path for folder in folders if folder.claim} | self.volumes

    def resources_of(self, component: str) -> ComponentResources:
        """Those of the component where they are set, and otherwise the usual ones."""
        found = self.components.get(component, ComponentResources())
        return ComponentResources(
            cpu=found.cpu or self.resources.cpu, memory=found.memory or self.resources.memory, gpus=found.gpus
        )

    @model_validator(mode="after")
    def _folders_do_not_meet(self) -> "KubeflowSettings":
        folders = (self.data, self.serving, self.history)
        claims = [folder.claim for folder in folders if folder.claim] + list(self.volumes)
        paths = [SCRATCH, *self.mounts.values(), *self.secret_files.values()]
        # A volume of a pod has the name of its claim or secret.
        for kind, names in (("name", [SCRATCH_VOLUME, *claims, *self.secret_files]), ("path", paths)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"one {kind} for two volumes: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _gpus_are_of_use(self) -> "KubeflowSettings":
        idle = sorted(name for name, own in self.components.items() if own.gpus and name not in GPU_COMPONENTS)
        if idle:
            raise ValueError(f"{', '.join(idle)}: only {', '.join(sorted(GPU_COMPONENTS))} have use for a GPU")
        return self
