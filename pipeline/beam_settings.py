"""The section `beam` of a configuration: which engine does the work of Beam steps, and how its workers come about."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from components.settings import Settings

LOCAL: Final = "local"

Threads = Annotated[int, Field(ge=0, le=256)]
Workers = Annotated[int, Field(ge=0, le=10_000)]
Address = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$")]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Location = Annotated[str, Field(pattern=r"^(/|[a-z][a-z0-9]*://)\S*$")]
GoogleLocation = Annotated[str, Field(pattern=r"^gs://[^/\s]+(/\S*)?$")]
SparkMaster = Annotated[str, Field(pattern=r"^(spark://\S+:[0-9]{1,5}|yarn|local(\[.+\])?)$")]
Text = Annotated[str, Field(min_length=1)]


class LocalBeam(Settings):
    """In this process. Attributes: workers: threads; 0 takes one for each core."""

    runner: Literal["local"] = LOCAL
    workers: Threads = 0


class MultiprocessBeam(Settings):
    """In processes on this machine. Attributes: workers: how many; 0 takes one for each core."""

    runner: Literal["multiprocess"] = "multiprocess"
    workers: Threads = 0


class DockerEnvironment(Settings):
    """The engine starts containers. Attributes: image: with the locked libraries, and Beam's boot program."""

    type: Literal["docker"]
    image: Text


class ProcessEnvironment(Settings):
    """The engine starts processes.

    Attributes:
        command: Beam's boot program on the machines of the engine.
        variables: environment variables of the processes, in plain text.
    """

    type: Literal["process"]
    command: Text
    variables: Annotated[dict[EnvironmentName, str], Field(repr=False)] = {}  # may hold secrets


class ExternalEnvironment(Settings):
    """Pools of Python workers run beside the engine. Attributes: address: of the pool, as the engine sees it."""

    type: Literal["external"]
    address: Address


class LoopbackEnvironment(Settings):
    """The engine hands all work back to the process that submitted it: to try an engine out."""

    type: Literal["loopback"]


WorkerEnvironment = Annotated[
    DockerEnvironment | ProcessEnvironment | ExternalEnvironment | LoopbackEnvironment, Field(discriminator="type")
]


class PortableBeam(Settings):
    """What engines with a job server of Beam have in common.

    Attributes:
        job_endpoint: of a job server that runs.
        artifact_endpoint: of that job server, where it is not to be reached at the address that it tells.
        job_server_jar: file or URL of a job server that each run starts for itself, instead of `job_endpoint`.
        environment: what the engine runs Python workers in.
        temp_location: a folder that this machine and all workers see.
        setup_file: `setup.py` of this project, for workers that do not have it; they must have its libraries.
    """

    job_endpoint: Address | None = None
    artifact_endpoint: Address | None = None
    job_server_jar: Text | None = None
    environment: WorkerEnvironment
    temp_location: Location
    setup_file: Text | None = None

    @model_validator(mode="after")
    def _has_one_job_server(self) -> "PortableBeam":
        if bool(self.job_endpoint) == bool(self.job_server_jar):
            raise ValueError("give either job_endpoint, of a job server that runs, or master and job_server_jar")
        if self.artifact_endpoint and not self.job_endpoint:
            raise ValueError("artifact_endpoint belongs to a job_endpoint")
        if self.setup_file and isinstance(self.environment, LoopbackEnvironment):
            raise ValueError("setup_file is of no use: in a loopback environment this process does the work")
        return self


class FlinkBeam(PortableBeam):
    """On Apache Flink.

    Attributes:
        workers: how many work at the same time; 0 leaves it to the engine.
        master: REST address of the job manager, for `job_server_jar`.
    """

    runner: Literal["flink"] = "flink"
    workers: Workers = 0
    master: Address | None = None

    @model_validator(mode="after")
    def _has_master(self) -> "FlinkBeam":
        _check_master(self.master, self)
        return self


class SparkBeam(PortableBeam):
    """On Apache Spark. Attributes: master: its URL, for `job_server_jar`."""

    runner: Literal["spark"] = "spark"
    master: SparkMaster | None = None

    @model_validator(mode="after")
    def _has_master(self) -> "SparkBeam":
        _check_master(self.master, self)
        return self


class DataflowBeam(Settings):
    """On Google Cloud Dataflow.

    Attributes:
        project, region: where jobs run.
        temp_location: a folder that this machine and all workers see.
        staging_location: of code for the workers; below `temp_location` where absent.
        workers: to begin with; 0 leaves it to Dataflow.
        max_workers: of a job that grows; 0 leaves it to Dataflow.
        machine_type, disk_gb, service_account, network, subnetwork: of the workers; Dataflow's own where absent.
        public_addresses: whether workers have addresses that can be reached from outside.
        image: of the workers, with the locked libraries.
        setup_file: `setup.py` of this project, for an image that does not have it.
    """

    runner: Literal["dataflow"] = "dataflow"
    project: Text
    region: Text
    temp_location: GoogleLocation
    staging_location: GoogleLocation | None = None
    workers: Workers = 0
    max_workers: Workers = 0
    machine_type: Text | None = None
    disk_gb: Annotated[int, Field(ge=10, le=65_536)] | None = None
    service_account: Annotated[str, Field(pattern=r"^\S+@\S+$")] | None = None
    network: Text | None = None
    subnetwork: Text | None = None
    public_addresses: bool = True
    image: Text | None = None
    setup_file: Text | None = None

    @model_validator(mode="after")
    def _workers_have_the_project(self) -> "DataflowBeam":
        if not self.image and not self.setup_file:
            raise ValueError("workers do not have this project; give an image that has it, or setup_file")
        if self.max_workers and self.workers > self.max_workers:
            raise ValueError(f"{self.workers} workers are more than max_workers, {self.max_workers}")
        return self


def _check_master(master: str | None, settings: PortableBeam) -> None:
    if bool(master) != bool(settings.job_server_jar):
        raise ValueError("master and job_server_jar go together; a job server that runs knows its master")


def _runner_of(values: Any) -> Any:
    return values.get("runner", LOCAL) if isinstance(values, Mapping) else getattr(values, "runner", None)


BeamSettings = Annotated[
    Annotated[LocalBeam, Tag("local")]
    | Annotated[MultiprocessBeam, Tag("multiprocess")]
    | Annotated[FlinkBeam, Tag("flink")]
    | Annotated[SparkBeam, Tag("spark")]
    | Annotated[DataflowBeam, Tag("dataflow")],
    Discriminator(
        _runner_of,
        custom_error_type="no_such_runner",
        custom_error_message="runner must be one of local, multiprocess, flink, spark, dataflow",
    ),
]
