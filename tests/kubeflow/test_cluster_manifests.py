"""Manifests of what the pipeline needs of a cluster: valid, fitting one another, the image and the servers."""

import copy
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deployment import KUBERNETES, ROOT, Manifest, files_of, read_yaml, render, validate_manifest
from tests.kubeflow.container_image import USER

MANIFESTS = ROOT / "kubeflow" / "manifests"
VERSIONS = ("1.30.0", kubernetes_validate.latest_version())
BASE = files_of(MANIFESTS / "base")
SERVING = files_of(KUBERNETES / "base")
DATA_VOLUME = read_yaml(MANIFESTS / "examples" / "data-volume.yaml")
NIGHTLY_RUN = read_yaml(MANIFESTS / "examples" / "nightly-run.yaml")
CONFINED = read_yaml(MANIFESTS / "components" / "confined" / "network-policy.yaml")
STEP = {"pipelines.kubeflow.org/v2_component": "true"}
DNS_PORTS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def named(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pod() -> Manifest:
    return dict(NIGHTLY_RUN["spec"]["jobTemplate"]["spec"]["template"])


# Schemas


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "manifest",
    [*BASE, DATA_VOLUME, NIGHTLY_RUN, CONFINED],
    ids=lambda manifest: f"{manifest['kind']}-{manifest['metadata']['name']}",
)
def test_manifests_fit_the_schemas(manifest: Manifest, version: str) -> None:
    validate_manifest(manifest, version)


def test_a_field_that_there_is_not_is_refused() -> None:
    broken = copy.deepcopy(NIGHTLY_RUN)
    broken["spec"]["jobTemplate"]["spec"]["template"]["spec"]["noSuchField"] = 1
    with pytest.raises(jsonschema.ValidationError, match="noSuchField"):
        validate_manifest(broken, VERSIONS[-1])


# What kustomize makes of them


def test_base_holds_what_is_meant() -> None:
    assert sorted((each["kind"], each["metadata"]["name"]) for each in render(MANIFESTS / "base")) == [
        ("Namespace", "breast-imaging"),
        ("NetworkPolicy", "pipeline-clients"),
        ("NetworkPolicy", "pipeline-steps"),
        ("PersistentVolumeClaim", "data"),
        ("PersistentVolumeClaim", "history"),
        ("PersistentVolumeClaim", "models"),
        ("Role", "pipeline-releaser"),
        ("Role", "pipeline-starter"),
        ("RoleBinding", "pipeline-releaser"),
        ("RoleBinding", "pipeline-starter"),
        ("ServiceAccount", "pipeline-releaser"),
        ("ServiceAccount", "pipeline-starter"),
    ]


@pytest.mark.parametrize(("folder", "namespace"), [("base", "breast-imaging"), ("overlays/standalone", "kubeflow")])
def test_everything_lies_in_one_namespace(folder: str, namespace: str) -> None:
    manifests = render(MANIFESTS / folder)
    assert {each["metadata"]["namespace"] for each in manifests if each["kind"] != "Namespace"} == {namespace}
    subjects = [binding["subjects"] for binding in named(manifests, "RoleBinding").values()]
    assert {subject["namespace"] for each in subjects for subject in each} == {namespace}
    # Kubeflow's own namespace stays as it is.
    assert set(named(manifests, "Namespace")) == {namespace} - {"kubeflow"}


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """With both components, beside a copy of all that it stands on, and credentials filled in."""
    for folder in ("kubeflow/manifests", "serving/deployment/kubernetes"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    manifests = tmp_path / "kubeflow" / "manifests"
    store = manifests / "components" / "object-store"
    example = (store / "object-store.env.example").read_text()
    (store / "object-store.env").write_text(example.replace("=\n", "=made-up\n"))
    folder = manifests / "overlays" / "own"
    folder.mkdir()
    components = [f"../../components/{name}" for name in ("confined", "object-store")]
    content = {"resources": ["../../base"], "components": components}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_components_add_credentials_and_confinement(overlay: Path) -> None:
    manifests = render(overlay)
    for manifest in manifests:
        validate_manifest(manifest, VERSIONS[-1])
    assert set(named(manifests, "Secret")["object-store"]["data"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert "pipeline-steps-confined" in named(manifests, "NetworkPolicy")


def test_no_credential_is_in_the_repository() -> None:
    assert [each for each in BASE if each["kind"] == "Secret"] == []
    store = MANIFESTS / "components" / "object-store"
    example = (store / "object-store.env.example").read_text()
    assert re.fullmatch(r"([A-Z_]+=\n)+", example)
    ignored = subprocess.run(["git", "check-ignore", store / "object-store.env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


# Volumes


def test_models_are_published_where_they_are_served() -> None:
    assert named(BASE, "PersistentVolumeClaim")["models"] == named(SERVING, "PersistentVolumeClaim")["models"]
    assert named(BASE, "Namespace") == named(SERVING, "Namespace")
    deployment = named(SERVING, "Deployment")["tensorflow-serving"]["spec"]["template"]["spec"]
    claims = [
        volume["persistentVolumeClaim"] for volume in deployment["volumes"] if "persistentVolumeClaim" in volume
    ]
    assert claims == [{"claimName": "models", "readOnly": True}]


def test_steps_on_different_nodes_share_their_volumes() -> None:
    modes = {name: claim["spec"]["accessModes"] for name, claim in named(BASE, "PersistentVolumeClaim").items()}
    assert modes == {"data": ["ReadOnlyMany"], "history": ["ReadWriteMany"], "models": ["ReadWriteMany"]}


def test_images_come_from_a_volume_that_nobody_can_write_to() -> None:
    claim = named(BASE, "PersistentVolumeClaim")["data"]
    volume = DATA_VOLUME["spec"]
    assert claim["spec"]["volumeName"] == DATA_VOLUME["metadata"]["name"]
    assert claim["spec"]["storageClassName"] == volume["storageClassName"] == ""
    assert claim["spec"]["accessModes"] == volume["accessModes"] == ["ReadOnlyMany"]
    assert claim["spec"]["resources"]["requests"]["storage"] == volume["capacity"]["storage"]
    assert volume["claimRef"] == {"namespace": "breast-imaging", "name": "data"}
    assert volume["nfs"]["readOnly"] is True
    assert "ro" in volume["mountOptions"]
    assert volume["persistentVolumeReclaimPolicy"] == "Retain"


# Rights


def test_rights_are_in_the_pipelines_api_alone_and_spelt_out() -> None:
    for role in named(BASE, "Role").values():
        for rule in role["rules"]:
            assert rule["apiGroups"] == ["pipelines.kubeflow.org"]
            assert "*" not in rule["verbs"] + rule["resources"]


def test_both_accounts_can_look() -> None:
    resources = ("pipelines", "pipelines/versions", "experiments", "runs", "jobs")
    looking = {(resource, verb) for resource in resources for verb in ("get", "list")}
    assert looking == looks("pipeline-starter") == looks("pipeline-releaser")


def test_starter_can_start_runs_and_change_nothing() -> None:
    assert rights("pipeline-starter") - looks("pipeline-starter") == {("runs", "create"), ("experiments", "create")}


def test_releaser_can_upload_and_replace_a_schedule_and_start_nothing() -> None:
    assert rights("pipeline-releaser") - looks("pipeline-releaser") == {
        *((resource, "create") for resource in ("pipelines", "pipelines/versions", "experiments")),
        *(("jobs", verb) for verb in ("create", "disable", "enable", "delete")),
    }


def looks(name: str) -> set[tuple[str, str]]:
    return {(resource, verb) for resource, verb in rights(name) if verb in ("get", "list")}


def rights(name: str) -> set[tuple[str, str]]:
    binding = named(BASE, "RoleBinding")[name]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name}]
    rules = named(BASE, "Role")[name]["rules"]
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def test_no_account_has_a_token_of_the_cluster() -> None:
    accounts = named(BASE, "ServiceAccount")
    assert set(accounts) == {"pipeline-starter", "pipeline-releaser"}
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())


# The network


def test_nobody_reaches_a_step_or_a_client() -> None:
    policies = named(BASE, "NetworkPolicy")
    assert policies["pipeline-steps"]["spec"]["podSelector"]["matchLabels"] == STEP
    for policy in policies.values():
        assert policy["spec"]["ingress"] == []
        assert "Ingress" in policy["spec"]["policyTypes"]


def test_clients_reach_names_and_the_pipelines_api_alone() -> None:
    spec = named(BASE, "NetworkPolicy")["pipeline-clients"]["spec"]
    assert "Egress" in spec["policyTypes"]
    names, api = spec["egress"]
    assert names["ports"] == DNS_PORTS
    assert api["ports"] == [{"port": 8888}]
    (target,) = api["to"]
    assert target["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kubeflow"}
    assert target["podSelector"]["matchLabels"] == {"app": "ml-pipeline"}


def test_confined_steps_reach_nothing_outside_the_cluster() -> None:
    spec = CONFINED["spec"]
    assert spec["podSelector"]["matchLabels"] == STEP
    assert spec["policyTypes"] == ["Egress"]
    names, kubeflow, api_server = spec["egress"]
    assert names["ports"] == DNS_PORTS
    assert [port["port"] for port in kubeflow["ports"]] == [8080, 8887, 8888, 9000, 8333]
    # An address for documentation (RFC 5737): closed until somebody puts in that of the cluster.
    assert api_server["to"] == [{"ipBlock": {"cidr": "192.0.2.1/32"}}]


# The example of a scheduled run


def test_nightly_run_is_confined_as_the_servers_are() -> None:
    server = named(SERVING, "Deployment")["tensorflow-serving"]["spec"]["template"]["spec"]
    spec = pod()["spec"]
    wanted = {key: value for key, value in server["securityContext"].items() if key != "fsGroupChangePolicy"}
    assert spec["securityContext"] == wanted
    assert spec["securityContext"]["runAsUser"] == USER
    (container,) = spec["containers"]
    (serving,) = server["containers"]
    assert container["securityContext"] == serving["securityContext"]
    assert spec["automountServiceAccountToken"] is False


def test_nightly_run_may_talk_to_the_pipelines_api_and_start_runs() -> None:
    policy = named(BASE, "NetworkPolicy")["pipeline-clients"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= pod()["metadata"]["labels"].items()
    assert pod()["spec"]["serviceAccountName"] in named(BASE, "ServiceAccount")
    assert NIGHTLY_RUN["metadata"]["namespace"] in named(BASE, "Namespace")


def test_token_is_for_the_pipelines_api_and_lies_where_the_client_looks() -> None:
    (container,) = pod()["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    volumes = {volume["name"]: volume for volume in pod()["spec"]["volumes"]}
    (source,) = volumes["token"]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    path = f"{mounts['token']}/{source['serviceAccountToken']['path']}"
    assert environment["KF_PIPELINES_SA_TOKEN_PATH"] == path
    assert mounts["temporary"] == "/tmp"
    assert environment["BREAST_IMAGING_KUBEFLOW_NAMESPACE"] == NIGHTLY_RUN["metadata"]["namespace"]


def test_runs_do_not_overlap_and_are_not_repeated() -> None:
    assert NIGHTLY_RUN["spec"]["concurrencyPolicy"] == "Forbid"
    assert NIGHTLY_RUN["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod()["spec"]["restartPolicy"] == "Never"
    assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", pod()["spec"]["containers"][0]["image"])
