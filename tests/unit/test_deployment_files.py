"""Configuration of TensorFlow Serving, Docker Compose and Prometheus: each is read strictly, and they agree."""

import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from components.settings import ServingSettings
from tests.deployment import (
    COMPOSE,
    CONFIGURATION,
    DEPLOYMENT,
    PROMETHEUS,
    SCHEMAS,
    configuration_messages,
    flags,
    parse,
    read_yaml,
)

MODEL = ServingSettings().model_name
READY = f"/v1/models/{MODEL}/labels/stable/metadata"
COMPOSE_FILES = sorted(COMPOSE.glob("*.yaml"))
SERVICES = ("tensorflow-serving", "prometheus")

# As the sources of TensorFlow and TensorFlow Serving name them, with ':' for '/'.
METRICS = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:serving:request_latency_bucket": {"model_name", "API", "entrypoint", "le"},
    ":tensorflow:cc:saved_model:load_attempt_count": {"model_path", "status"},
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, type[Message]]:
    found = configuration_messages(tmp_path_factory.mktemp("descriptors"))
    return found | {"ModelServerConfig": ModelServerConfig}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    services: dict[str, Any] = read_yaml(COMPOSE / "compose.yaml")["services"]
    return services


# TensorFlow Serving


def test_served_model_is_the_one_that_a_run_publishes(messages: dict[str, type[Message]]) -> None:
    config = parse((CONFIGURATION / "models.config").read_text(), messages["ModelServerConfig"])
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (MODEL, f"/models/{MODEL}", "tensorflow")


def test_labels_name_loaded_versions(messages: dict[str, type[Message]]) -> None:
    config = parse((CONFIGURATION / "models.config").read_text(), messages["ModelServerConfig"])
    (model,) = config.model_config_list.config
    versions = list(model.model_version_policy.specific.versions)
    labels = dict(model.version_labels)
    assert set(labels) == {"stable", "canary"}
    assert sorted(labels.values()) == sorted(versions)
    assert labels["stable"] < labels["canary"]


def test_batches_of_a_cpu_wait_for_nobody(messages: dict[str, type[Message]]) -> None:
    batching = parse((CONFIGURATION / "batching.config").read_text(), messages["BatchingParameters"])
    assert batching.batch_timeout_micros.value == 0
    assert batching.max_batch_size.value == 32
    assert list(batching.allowed_batch_sizes) == []  # padding would cost what it saves


def test_batches_of_a_gpu_have_few_sizes(messages: dict[str, type[Message]]) -> None:
    batching = parse((CONFIGURATION / "batching-gpu.config").read_text(), messages["BatchingParameters"])
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == batching.max_batch_size.value  # or the server does not start
    assert 1_000 <= batching.batch_timeout_micros.value <= 10_000


def test_threads_are_the_cores_of_the_container(messages: dict[str, type[Message]], compose: dict[str, Any]) -> None:
    batching = parse((CONFIGURATION / "batching.config").read_text(), messages["BatchingParameters"])
    service = compose["tensorflow-serving"]
    given = flags(service["command"])
    threads = {given["tensorflow_intra_op_parallelism"], given["tensorflow_inter_op_parallelism"]}
    assert threads == {str(service["cpus"])} == {str(batching.num_batch_threads.value)}


def test_metrics_are_on_where_prometheus_looks(messages: dict[str, type[Message]]) -> None:
    monitoring = parse((CONFIGURATION / "monitoring.config").read_text(), messages["MonitoringConfig"])
    (scrape,) = read_yaml(PROMETHEUS / "prometheus.yaml")["scrape_configs"]
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == scrape["metrics_path"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("models.config", "ModelServerConfig"),
        ("batching.config", "BatchingParameters"),
        ("batching-gpu.config", "BatchingParameters"),
        ("monitoring.config", "MonitoringConfig"),
        ("ssl.config.template", "SSLConfig"),
    ],
)
def test_every_configuration_is_read_strictly(file: str, message: str, messages: dict[str, type[Message]]) -> None:
    text = (CONFIGURATION / file).read_text()
    assert parse(text, messages[message]).ByteSize() > 0
    with pytest.raises(text_format.ParseError, match="no_such_field"):
        parse(f"{text}\nno_such_field: 1", messages[message])


def test_every_configuration_is_covered_above() -> None:
    assert {path.name for path in CONFIGURATION.iterdir()} == {
        "models.config",
        "batching.config",
        "batching-gpu.config",
        "monitoring.config",
        "ssl.config.template",
        "kustomization.yaml",
    }


# Docker Compose


def _validate_compose(content: dict[str, Any]) -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(content)


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_compose_files_fit_the_schema(path: Path) -> None:
    content = read_yaml(path)
    _validate_compose(content)
    content["services"]["tensorflow-serving"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        _validate_compose(content)


@pytest.mark.parametrize("name", SERVICES)
def test_containers_may_do_little(name: str, compose: dict[str, Any]) -> None:
    service = compose[name]
    assert int(_with_defaults(service["user"]).split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"].endswith("g")
    assert service["pids_limit"] > 0
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str, compose: dict[str, Any]) -> None:
    assert [port for port in compose[name]["ports"] if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_binds_are_read_only_and_lead_somewhere(name: str, compose: dict[str, Any]) -> None:
    binds = [volume for volume in compose[name]["volumes"] if volume["type"] == "bind"]
    assert [bind["read_only"] for bind in binds] == [True] * len(binds)
    assert [bind for bind in binds if not _lies_there(bind["source"])] == []


def _lies_there(source: str) -> bool:
    return "${MODELS:?" in source or (COMPOSE / _with_defaults(source)).exists()


def _with_defaults(text: str) -> str:
    """As Docker Compose reads it where no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_files_that_flags_name_are_mounted(compose: dict[str, Any]) -> None:
    service = compose["tensorflow-serving"]
    mounted = {volume["target"]: _with_defaults(volume["source"]) for volume in service["volumes"]}
    files = [Path(value) for name, value in flags(service["command"]).items() if name.endswith("_file")]
    assert len(files) == 3
    assert [file for file in files if not (COMPOSE / mounted[str(file.parent)] / file.name).is_file()] == []
    assert "/models" in mounted


def test_ports_are_those_of_the_server(compose: dict[str, Any]) -> None:
    service = compose["tensorflow-serving"]
    given = flags(service["command"])
    inside = [port.rsplit(":", 1)[1] for port in service["ports"]]
    assert inside == [given["port"], given["rest_api_port"]]
    assert _scraped_address() == ("tensorflow-serving", given["rest_api_port"])


def _scraped_address() -> tuple[str, str]:
    (scrape,) = read_yaml(PROMETHEUS / "prometheus.yaml")["scrape_configs"]
    ((target,),) = [static["targets"] for static in scrape["static_configs"]]
    host, port = target.split(":")
    return host, port


def test_tls_adds_one_flag(compose: dict[str, Any]) -> None:
    tls = read_yaml(COMPOSE / "compose.tls.yaml")
    service = tls["services"]["tensorflow-serving"]
    assert service["command"] == [
        *compose["tensorflow-serving"]["command"],
        "--ssl_config_file=/run/secrets/ssl.config",
    ]
    assert service["secrets"] == list(tls["secrets"]) == ["ssl.config"]


def test_gpu_file_reserves_one_and_batches_for_it(compose: dict[str, Any]) -> None:
    service = read_yaml(COMPOSE / "compose.gpu.yaml")["services"]["tensorflow-serving"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", 1, ["gpu"])
    (volume,) = service["volumes"]
    assert (COMPOSE / _with_defaults(volume["source"])).resolve() == CONFIGURATION / "batching-gpu.config"
    assert volume["target"] == flags(compose["tensorflow-serving"]["command"])["batching_parameters_file"]
    assert volume["read_only"] is True


def test_every_variable_has_a_line_in_the_example() -> None:
    used = {name for path in COMPOSE_FILES for name in re.findall(r"(?<!\$)\$\{(\w+)", path.read_text())}
    explained = re.findall(r"^(\w+)=", (COMPOSE / "env.example").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(used | {"COMPOSE_PROJECT_NAME"})


def test_images_are_pinned_and_can_have_a_digest() -> None:
    images = [
        service["image"]
        for path in COMPOSE_FILES
        for service in read_yaml(path)["services"].values()
        if "image" in service
    ]
    assert len(images) == 3
    assert [
        image for image in images if not re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+[\w-]*\$\{\w+_DIGEST:-\}", image)
    ] == []


# The health check of Docker Compose is run as the container would run it.


class _Answer(http.server.BaseHTTPRequestHandler):
    status = 200
    asked: list[str] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def _server(status: int) -> Iterator[tuple[int, list[str]]]:
    handler = type("Handler", (_Answer,), {"status": status, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], handler.asked
        finally:
            server.shutdown()
            thread.join()


def _check_health(compose: dict[str, Any], port: int) -> int:
    service = compose["tensorflow-serving"]
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    rest_port = flags(service["command"])["rest_api_port"]
    replaced = [part.replace("$$", "$").replace(f"/127.0.0.1/{rest_port}", f"/127.0.0.1/{port}") for part in command]
    assert str(port) in replaced[-1]
    return subprocess.run(replaced, check=False, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, False), (503, False)])
def test_health_is_the_answer_of_the_stable_version(status: int, healthy: bool, compose: dict[str, Any]) -> None:
    with _server(status) as (port, asked):
        assert (_check_health(compose, port) == 0) is healthy
        assert asked == [READY]


def test_a_closed_port_is_not_healthy(compose: dict[str, Any]) -> None:
    with socket.socket() as closed:  # bound, and not listening
        closed.bind(("127.0.0.1", 0))
        assert _check_health(compose, closed.getsockname()[1]) != 0


# Prometheus


def _alerts() -> list[dict[str, Any]]:
    (group,) = read_yaml(PROMETHEUS / "alerts.yaml")["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def test_prometheus_reads_the_alerts() -> None:
    assert read_yaml(PROMETHEUS / "prometheus.yaml")["rule_files"] == ["alerts.yaml"]
    assert {rule["labels"]["severity"] for rule in _alerts()} == {"critical", "warning"}
    assert [rule["alert"] for rule in _alerts() if set(rule["annotations"]) != {"summary", "description"}] == []


def test_alerts_ask_for_metrics_and_labels_that_there_are() -> None:
    used: set[str] = set()
    for rule in _alerts():
        for metric, matchers in re.findall(r"(:tensorflow:[\w:]+)(?:\{([^}]*)\})?", rule["expr"]):
            labels = set(re.findall(r"(\w+)=~?\"", matchers))
            labels |= (
                set(re.findall(r"by \(([^)]*)\)", rule["expr"])[0].split(", ")) if " by " in rule["expr"] else set()
            )
            assert labels <= METRICS[metric], rule["alert"]
            used.add(metric)
    assert used == set(METRICS)


def test_alerts_watch_the_job_that_is_scraped() -> None:
    (scrape,) = read_yaml(PROMETHEUS / "prometheus.yaml")["scrape_configs"]
    jobs = {job for rule in _alerts() for job in re.findall(r'job="([^"]*)"', rule["expr"])}
    assert jobs == {scrape["job_name"]}


def test_every_alert_is_tested_firing_and_silent() -> None:
    cases = [case for test in read_yaml(PROMETHEUS / "alerts.test.yaml")["tests"] for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in _alerts()}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == names


def test_alerts_behave_as_their_tests_say() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("not run: promtool is not on the PATH")
    for command in (["check", "config", "prometheus.yaml"], ["test", "rules", "alerts.test.yaml"]):
        subprocess.run(["promtool", *command], check=True, cwd=PROMETHEUS, timeout=120)


# All files

FILES = sorted(path for path in DEPLOYMENT.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(DEPLOYMENT).as_posix())
def test_no_file_holds_a_secret_or_a_moving_tag(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r":latest\b|latest-gpu", text)
    assert not re.search(r"-----BEGIN|\b(?i:password|token|secret_?key|access_?key)\s*[:=]\s*\S", text)
    if path.suffix == ".yaml":
        kinds = [document.get("kind") for document in yaml.safe_load_all(text)]
        assert "Secret" not in kinds
