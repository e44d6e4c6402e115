"""Manifests of Kubernetes and KServe: valid, and fitting one another."""

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from google.protobuf.message import Message

from components.settings import ServingSettings
from tests.deployment import (
    COMPOSE,
    CONFIGURATION,
    DEPLOYMENT,
    KUBERNETES,
    Manifest,
    base_files,
    configuration_messages,
    flags,
    parse,
    read_yaml,
    render,
    validate_manifest,
)

READY = f"/v1/models/{ServingSettings().model_name}/labels/stable/metadata"
VERSIONS = ("1.30.0", kubernetes_validate.latest_version())
KSERVE = read_yaml(DEPLOYMENT / "kserve" / "inference-service.yaml")
SERVICE_ACCOUNT = read_yaml(KUBERNETES / "base" / "service-account.yaml")
SERVICE_MONITOR = read_yaml(KUBERNETES / "components" / "monitoring" / "service-monitor.yaml")
FOLDERS = ("base", "overlays/gpu", "overlays/mtls")


@pytest.fixture(scope="module", params=["files", *FOLDERS])
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manifests(variant: str) -> list[Manifest]:
    """The base as its files have it, or what kustomize makes of a folder."""
    return base_files() if variant == "files" else render(KUBERNETES / variant)


@pytest.fixture(scope="module")
def pod(manifests: list[Manifest]) -> Manifest:
    return dict(_one(manifests, "Deployment")["spec"]["template"])


@pytest.fixture(scope="module")
def container(pod: Manifest) -> Manifest:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def _of(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def _one(manifests: list[Manifest], kind: str) -> Manifest:
    (only,) = _of(manifests, kind)
    return only


def _selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


# Schemas


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schemas(version: str, manifests: list[Manifest]) -> None:
    for manifest in manifests:
        validate_manifest(manifest, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", [KSERVE, SERVICE_MONITOR], ids=lambda manifest: manifest["kind"])
def test_custom_resources_fit_the_schemas(manifest: Manifest, version: str) -> None:
    validate_manifest(manifest, version)


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        (SERVICE_ACCOUNT, ("metadata",)),
        (KSERVE, ("spec", "predictor")),
        (KSERVE, ("spec", "predictor", "model", "resources")),
        (SERVICE_MONITOR, ("spec", "selector")),
    ],
)
def test_a_field_that_there_is_not_is_refused(manifest: Manifest, path: tuple[str, ...]) -> None:
    broken = copy.deepcopy(manifest)
    section: Any = broken
    for name in path:
        section = section[name]
    section["noSuchField"] = 1
    with pytest.raises(jsonschema.ValidationError, match="noSuchField"):
        validate_manifest(broken, VERSIONS[-1])


def test_objects_are_those_that_are_meant(variant: str, manifests: list[Manifest]) -> None:
    expected = [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
        "Service",
        "ServiceAccount",
    ]
    if variant == "overlays/gpu":
        expected.remove("HorizontalPodAutoscaler")
    if variant == "overlays/mtls":
        expected.append("ServiceMonitor")
    assert sorted(manifest["kind"] for manifest in manifests) == sorted(expected)


@pytest.mark.parametrize("folder", FOLDERS)
def test_everything_lies_in_one_namespace(folder: str) -> None:
    manifests = render(KUBERNETES / folder)
    (namespace,) = [manifest["metadata"]["name"] for manifest in _of(manifests, "Namespace")]
    inside = {manifest["metadata"]["namespace"] for manifest in manifests if manifest["kind"] != "Namespace"}
    assert inside == {namespace} == {KSERVE["metadata"]["namespace"]}


# The server


def test_ports_are_those_of_the_server(container: Manifest) -> None:
    given = flags(container["args"])
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports == {"grpc": given["port"], "rest": given["rest_api_port"]}


def test_server_is_started_as_under_docker_compose(variant: str, container: Manifest) -> None:
    service = read_yaml(COMPOSE / "compose.yaml")["services"]["tensorflow-serving"]
    arguments = list(container["args"])
    if variant == "overlays/mtls":
        assert arguments.pop() == "--ssl_config_file=/etc/tensorflow-serving-ssl/ssl.config"
    assert container["command"] == service["entrypoint"]
    assert arguments == service["command"]


def test_images_are_the_same_everywhere(variant: str, container: Manifest) -> None:
    gpu = variant == "overlays/gpu"
    services = read_yaml(COMPOSE / ("compose.gpu.yaml" if gpu else "compose.yaml"))["services"]
    assert container["image"] == services["tensorflow-serving"]["image"].split("$")[0]
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+(-gpu)?", container["image"])
    assert KSERVE["spec"]["predictor"]["model"]["runtimeVersion"] == container["image"].split(":")[1].removesuffix(
        "-gpu"
    )


def test_a_pod_is_ready_when_the_stable_version_answers(container: Manifest) -> None:
    for probe in (container["startupProbe"], container["readinessProbe"]):
        assert probe["httpGet"] == {"path": READY, "port": "rest"}
    assert container["livenessProbe"]["tcpSocket"] == {"port": "grpc"}
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] == 300


def test_an_update_takes_no_pod_away_first(manifests: list[Manifest]) -> None:
    strategy = _one(manifests, "Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_memory_and_cores_are_bounded(variant: str, container: Manifest) -> None:
    limits = container["resources"]["limits"]
    memory, cores = ("8Gi", "4") if variant == "overlays/gpu" else ("4Gi", "4")
    assert (limits["memory"], limits["cpu"]) == (memory, cores)
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert limits.get("nvidia.com/gpu") == (1 if variant == "overlays/gpu" else None)
    given = flags(container["args"])
    assert given["tensorflow_intra_op_parallelism"] == given["tensorflow_inter_op_parallelism"] == cores


# Security


def test_containers_may_do_little(pod: Manifest, container: Manifest) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    security = pod["spec"]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod["spec"])


def test_namespace_refuses_what_may_do_more(manifests: list[Manifest]) -> None:
    labels = _one(manifests, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_token_of_the_cluster_is_mounted(pod: Manifest, manifests: list[Manifest]) -> None:
    account = _one(manifests, "ServiceAccount")
    assert pod["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert account["automountServiceAccountToken"] is False


def test_only_clients_and_prometheus_come_in(variant: str, manifests: list[Manifest], pod: Manifest) -> None:
    spec = _one(manifests, "NetworkPolicy")["spec"]
    assert _selects(spec["podSelector"]["matchLabels"], pod["metadata"]["labels"])
    clients, prometheus = spec["ingress"]
    assert clients["from"] == [{"podSelector": {"matchLabels": {"breast-imaging/client": "true"}}}]
    # REST has no TLS.
    for_clients = ["grpc"] if variant == "overlays/mtls" else ["grpc", "rest"]
    assert [port["port"] for port in clients["ports"]] == for_clients
    (scraper,) = prometheus["from"]
    assert set(scraper) == {"namespaceSelector", "podSelector"}  # both hold, of one pod
    assert prometheus["ports"] == [{"port": "rest"}]


def test_nothing_goes_out_but_questions_for_names(manifests: list[Manifest]) -> None:
    spec = _one(manifests, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (names,) = spec["egress"]
    assert names["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert names["to"][0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}


# What refers to what


def test_selectors_find_the_pods(manifests: list[Manifest], pod: Manifest) -> None:
    labels = pod["metadata"]["labels"]
    deployment = _one(manifests, "Deployment")["spec"]
    selectors = [deployment["selector"]["matchLabels"]]
    selectors += [service["spec"]["selector"] for service in _of(manifests, "Service")]
    selectors += [_one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [
        constraint["labelSelector"]["matchLabels"] for constraint in pod["spec"]["topologySpreadConstraints"]
    ]
    assert len(selectors) == 6
    assert [selector for selector in selectors if not _selects(selector, labels)] == []


def test_services_lead_to_ports_of_the_container(manifests: list[Manifest], container: Manifest) -> None:
    numbers = {port["name"]: port["containerPort"] for port in container["ports"]}
    services = {service["metadata"]["name"]: service["spec"] for service in _of(manifests, "Service")}
    assert set(services) == {"tensorflow-serving", "tensorflow-serving-headless"}
    for service in services.values():
        assert [port["port"] for port in service["ports"]] == [
            numbers[port["targetPort"]] for port in service["ports"]
        ]
    assert "clusterIP" not in services["tensorflow-serving"]
    assert services["tensorflow-serving-headless"]["clusterIP"] == "None"


def test_autoscaler_leaves_one_pod_to_be_evicted(variant: str, manifests: list[Manifest]) -> None:
    budget = _one(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"]
    deployment = _one(manifests, "Deployment")
    if variant == "overlays/gpu":
        assert deployment["spec"]["replicas"] > budget
        return
    scaler = _one(manifests, "HorizontalPodAutoscaler")["spec"]
    assert "replicas" not in deployment["spec"]  # or every `apply` would undo the autoscaler's work
    assert (scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"]) == (
        "Deployment",
        deployment["metadata"]["name"],
    )
    assert budget < scaler["minReplicas"] < scaler["maxReplicas"]


def test_every_volume_is_mounted_and_read_only_but_for_temporary_files(pod: Manifest, container: Manifest) -> None:
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert sorted(mounts) == sorted(volume["name"] for volume in pod["spec"]["volumes"])
    assert [name for name, mount in mounts.items() if not mount.get("readOnly")] == ["temporary"]
    assert (mounts["models"]["mountPath"], mounts["temporary"]["mountPath"]) == ("/models", "/tmp")


def test_models_come_from_the_claim(manifests: list[Manifest], pod: Manifest) -> None:
    (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "models"]
    claim = _one(manifests, "PersistentVolumeClaim")
    assert volume["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"], "readOnly": True}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert KSERVE["spec"]["predictor"]["model"]["storageUri"].split("/")[2] == claim["metadata"]["name"]


def test_configuration_is_that_of_the_files(manifests: list[Manifest]) -> None:
    data = _one(manifests, "ConfigMap")["data"]
    assert data == {path.name: path.read_text() for path in CONFIGURATION.glob("*.config")}


def test_files_that_flags_name_are_in_the_configuration(
    manifests: list[Manifest], pod: Manifest, container: Manifest
) -> None:
    configuration = _one(manifests, "ConfigMap")
    (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "configuration"]
    assert volume["configMap"]["name"] == configuration["metadata"]["name"]
    items = {item["path"]: item["key"] for item in volume["configMap"]["items"]}
    assert set(items.values()) <= set(configuration["data"])
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "configuration"]
    named = {Path(value) for name, value in flags(container["args"]).items() if name.endswith("_file")}
    ours = {path.name for path in named if str(path.parent) == mount["mountPath"]}
    assert ours == set(items)
    assert {str(path) for path in named} - {f"{mount['mountPath']}/{name}" for name in ours} <= {
        "/etc/tensorflow-serving-ssl/ssl.config"
    }


def test_batches_are_made_for_the_machine(
    variant: str, manifests: list[Manifest], pod: Manifest, container: Manifest, tmp_path: Path
) -> None:
    (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "configuration"]
    items = {item["path"]: item["key"] for item in volume["configMap"]["items"]}
    messages: dict[str, type[Message]] = configuration_messages(tmp_path)
    text = _one(manifests, "ConfigMap")["data"][items["batching.config"]]
    batching = parse(text, messages["BatchingParameters"])
    threads = 2 if variant == "overlays/gpu" else int(container["resources"]["limits"]["cpu"])
    assert batching.num_batch_threads.value == threads


def test_secret_with_the_key_is_mounted_where_the_flag_says(variant: str, pod: Manifest, container: Manifest) -> None:
    if variant != "overlays/mtls":
        assert "ssl_config_file" not in flags(container["args"])
        return
    (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "ssl"]
    assert volume["secret"] == {"secretName": "tensorflow-serving-ssl", "defaultMode": 0o440}
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "ssl"]
    assert flags(container["args"])["ssl_config_file"] == f"{mount['mountPath']}/ssl.config"


def test_a_change_of_the_configuration_is_an_update(tmp_path: Path) -> None:
    folder = tmp_path / "deployment"
    shutil.copytree(DEPLOYMENT, folder)
    before = _mounted_configuration(render(folder / "kubernetes" / "base"))
    models = folder / "tensorflow-serving" / "models.config"
    models.write_text(models.read_text().replace("1795393789", "1795393790"))
    after = _mounted_configuration(render(folder / "kubernetes" / "base"))
    assert re.fullmatch(r"tensorflow-serving-[a-z0-9]{10}", before)
    assert re.fullmatch(r"tensorflow-serving-[a-z0-9]{10}", after)
    assert before != after


def _mounted_configuration(manifests: list[Manifest]) -> str:
    volumes = _one(manifests, "Deployment")["spec"]["template"]["spec"]["volumes"]
    (name,) = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    assert name == _one(manifests, "ConfigMap")["metadata"]["name"]
    return str(name)


# Monitoring and KServe


def test_service_monitor_finds_the_service_and_the_alerts_job(manifests: list[Manifest]) -> None:
    spec = SERVICE_MONITOR["spec"]
    (endpoint,) = spec["endpoints"]
    found = [
        service
        for service in _of(manifests, "Service")
        if _selects(spec["selector"]["matchLabels"], service["metadata"]["labels"])
        and endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    ]
    assert [service["metadata"]["name"] for service in found] == ["tensorflow-serving"]
    (scrape,) = read_yaml(DEPLOYMENT / "prometheus" / "prometheus.yaml")["scrape_configs"]
    assert found[0]["metadata"]["labels"][spec["jobLabel"]] == scrape["job_name"]
    assert endpoint["path"] == scrape["metrics_path"]


def test_inference_service_sends_a_part_of_the_traffic_to_a_release_of_its_own() -> None:
    predictor = KSERVE["spec"]["predictor"]
    assert 0 < predictor["canaryTrafficPercent"] < 50
    assert predictor["model"]["modelFormat"] == {"name": "tensorflow"}
    assert re.fullmatch(r"pvc://models/releases/\d{10}", predictor["model"]["storageUri"])
    assert predictor["model"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
