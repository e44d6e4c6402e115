"""A stand-in for the API server of Kubeflow Pipelines: REST v2beta1, over real HTTP, with state and with faults.

What it takes and gives is held against the models of `kfp_server_api`, which are made from the server's own swagger
file; what it refuses, and how, follows the server's source.
"""

import base64
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
import yaml

PREFIX = "/apis/v2beta1"
GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 13, 503: 14}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_STALL = 20.0
NATIVE_TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "bool": bool, "int": int, "object": object}


class RefusalError(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass
class Fault:
    """How requests fail.

    Attributes:
        pattern: of `METHOD path`.
        act: sends something else; gets the handler, and the work that the request asks for.
        times: how often it does so.
    """

    pattern: str
    act: Callable[["Handler", Callable[[], None]], None]
    times: int = 1


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    client: tuple[str, int]


@dataclass
class MockServer:
    """The server's state. Attributes: token: that it asks for; page_size: the most that it puts on a page."""

    multi_user: bool = False
    namespaces: tuple[str, ...] = ("research",)
    token: str | None = None
    page_size: int = 200
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring_runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    progress: list[dict[str, Any]] = field(default_factory=list)  # what becomes of a run at each look at it
    active_counts: list[int] = field(default_factory=list)  # of recurring runs, after each change
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _count: int = 0

    # --- what tests ask ---

    def active(self) -> list[dict[str, Any]]:
        return [each for each in self.recurring_runs.values() if each["status"] == "ENABLED"]

    def requests(self, pattern: str) -> list[Call]:
        return [call for call in self.calls if re.search(pattern, f"{call.method} {call.path}")]

    def fail(self, pattern: str, act: Callable[["Handler", Callable[[], None]], None], times: int = 1) -> None:
        self.faults.append(Fault(pattern, act, times))

    # --- what the API does ---

    def answer(self, call: Call) -> dict[str, Any]:
        with self._lock:
            self._authenticate(call)
            for pattern, action in self._routes():
                if match := re.fullmatch(pattern, f"{call.method} {call.path}"):
                    answer = action(call, *match.groups())
                    self.active_counts.append(len(self.active()))
                    return answer
        raise RefusalError(404, "Not Found")

    def _routes(self) -> Iterator[tuple[str, Callable[..., dict[str, Any]]]]:
        identifier = r"([^/:]+)"
        yield f"GET {PREFIX}/healthz", lambda call: {"multi_user": self.multi_user, "pipeline_store": "database"}
        yield f"POST {PREFIX}/pipelines/upload", self._upload
        yield f"POST {PREFIX}/pipelines/upload_version", self._upload_version
        yield f"POST {PREFIX}/pipelines", self._create_pipeline
        yield f"GET {PREFIX}/pipelines", self._list_pipelines
        yield f"GET {PREFIX}/pipelines/{identifier}", lambda call, key: found(self.pipelines, key)
        yield f"DELETE {PREFIX}/pipelines/{identifier}", self._delete_pipeline
        yield f"GET {PREFIX}/pipelines/{identifier}/versions", self._list_versions
        yield f"GET {PREFIX}/pipelines/{identifier}/versions/{identifier}", self._get_version
        yield f"DELETE {PREFIX}/pipelines/{identifier}/versions/{identifier}", self._delete_version
        yield f"POST {PREFIX}/experiments", self._create_experiment
        yield f"GET {PREFIX}/experiments", self._list_experiments
        yield f"GET {PREFIX}/experiments/{identifier}", lambda call, key: found(self.experiments, key)
        yield f"POST {PREFIX}/runs", self._create_run
        yield f"GET {PREFIX}/runs", self._list_runs
        yield f"GET {PREFIX}/runs/{identifier}", self._get_run
        yield f"POST {PREFIX}/runs/{identifier}:terminate", self._terminate_run
        yield f"DELETE {PREFIX}/runs/{identifier}", lambda call, key: removed(self.runs, key)
        yield f"POST {PREFIX}/recurringruns", self._create_recurring_run
        yield f"GET {PREFIX}/recurringruns", self._list_recurring_runs
        yield f"GET {PREFIX}/recurringruns/{identifier}", lambda call, key: found(self.recurring_runs, key)
        yield f"POST {PREFIX}/recurringruns/{identifier}:enable", self._set_status("ENABLED")
        yield f"POST {PREFIX}/recurringruns/{identifier}:disable", self._set_status("DISABLED")
        yield f"DELETE {PREFIX}/recurringruns/{identifier}", lambda call, key: removed(self.recurring_runs, key)

    def _authenticate(self, call: Call) -> None:
        if self.token is not None and call.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusalError(401, "Unauthenticated: request header error: there is no valid user identity")

    def _namespace(self, name: str | None) -> str:
        """Single-user servers have none, whatever is asked."""
        if not self.multi_user:
            return ""
        if not name:
            raise RefusalError(400, "Invalid input error: a namespace is required in multi-user mode")
        if name not in self.namespaces:
            raise RefusalError(403, f"User is not authorized with reason: denied in namespace {name}")
        return name

    def _new(self, kind: str) -> tuple[str, str]:
        """A new id, and when it was made: always later than the one before, to the second, as on the server."""
        self._count += 1
        return f"{kind}-{self._count:04d}", (EPOCH + timedelta(seconds=self._count)).isoformat().replace(
            "+00:00", "Z"
        )

    def _create_pipeline(self, call: Call) -> dict[str, Any]:
        check_model("V2beta1Pipeline", call.body)
        return self._add_pipeline(call.body.get("display_name", ""), call.body.get("namespace"))

    def _add_pipeline(self, name: str, namespace: str | None) -> dict[str, Any]:
        if not name:
            raise RefusalError(400, "Invalid input error: pipeline's name cannot be empty")
        namespace = self._namespace(namespace) if namespace else ""
        if any(each["display_name"] == name and each["namespace"] == namespace for each in self.pipelines.values()):
            raise RefusalError(
                409, f"Already exist error: Failed to create a new pipeline. The name {name} already exist"
            )
        key, created_at = self._new("pipeline")
        self.pipelines[key] = {
            "pipeline_id": key,
            "display_name": name,
            "name": name,
            "created_at": created_at,
            "namespace": namespace,
        }
        return self.pipelines[key]

    def _upload(self, call: Call) -> dict[str, Any]:
        spec = read_spec(call)
        pipeline = self._add_pipeline(call.query.get("name", ""), call.query.get("namespace"))
        self._add_version(pipeline["pipeline_id"], pipeline["display_name"], "", spec)
        return pipeline

    def _upload_version(self, call: Call) -> dict[str, Any]:
        unknown = set(call.query) - {"name", "display_name", "pipelineid", "description", "tags"}
        if unknown or not call.query.get("name") or "pipelineid" not in call.query:
            raise RefusalError(400, "Failed to create a pipeline version")
        spec = read_spec(call)
        found(self.pipelines, call.query["pipelineid"])
        return self._add_version(
            call.query["pipelineid"], call.query["name"], call.query.get("description", ""), spec
        )

    def _add_version(self, pipeline_id: str, name: str, description: str, spec: Any) -> dict[str, Any]:
        if any(e["display_name"] == name and e["pipeline_id"] == pipeline_id for e in self.versions.values()):
            raise RefusalError(409, "Failed to create a pipeline version")
        key, created_at = self._new("version")
        self.versions[key] = {
            "pipeline_id": pipeline_id,
            "pipeline_version_id": key,
            "display_name": name,
            "name": name,
            "description": description,
            "created_at": created_at,
            "pipeline_spec": spec,
        }
        return self.versions[key]

    def _list_pipelines(self, call: Call) -> dict[str, Any]:
        namespace = self._namespace(call.query["namespace"]) if call.query.get("namespace") else ""
        return self._page(call, "pipelines", [e for e in self.pipelines.values() if e["namespace"] == namespace])

    def _delete_pipeline(self, call: Call, key: str) -> dict[str, Any]:
        if any(version["pipeline_id"] == key for version in self.versions.values()):
            raise RefusalError(400, f"Failed to delete pipeline as it has existing pipeline versions: {key}")
        return removed(self.pipelines, key)

    def _list_versions(self, call: Call, key: str) -> dict[str, Any]:
        found(self.pipelines, key)
        return self._page(call, "pipeline_versions", [e for e in self.versions.values() if e["pipeline_id"] == key])

    def _get_version(self, call: Call, pipeline_id: str, key: str) -> dict[str, Any]:
        found(self.pipelines, pipeline_id)
        return found(self.versions, key)

    def _delete_version(self, call: Call, pipeline_id: str, key: str) -> dict[str, Any]:
        found(self.pipelines, pipeline_id)
        return removed(self.versions, key)

    def _create_experiment(self, call: Call) -> dict[str, Any]:
        check_model("V2beta1Experiment", call.body)
        name, namespace = call.body.get("display_name", ""), self._namespace(call.body.get("namespace"))
        if any(e["display_name"] == name and e["namespace"] == namespace for e in self.experiments.values()):
            raise RefusalError(
                409, f"Already exist error: Failed to create a new experiment. The name {name} already exist"
            )
        key, created_at = self._new("experiment")
        self.experiments[key] = {
            "experiment_id": key,
            "display_name": name,
            "created_at": created_at,
            "namespace": namespace,
            "storage_state": "AVAILABLE",
        }
        return self.experiments[key]

    def _list_experiments(self, call: Call) -> dict[str, Any]:
        namespace = self._namespace(call.query.get("namespace"))
        return self._page(call, "experiments", [e for e in self.experiments.values() if e["namespace"] == namespace])

    def _check_job(self, body: dict[str, Any]) -> dict[str, Any]:
        """What runs and recurring runs have in common. Returns the experiment."""
        if not body.get("display_name"):
            raise RefusalError(400, "Invalid input error: The display name is empty")
        if ("pipeline_spec" in body) == ("pipeline_version_reference" in body):
            raise RefusalError(400, "Invalid input error: give either pipeline_spec or pipeline_version_reference")
        if reference := body.get("pipeline_version_reference"):
            spec = found(self.versions, reference["pipeline_version_id"])["pipeline_spec"]
        else:
            spec = body["pipeline_spec"]
        declared = spec.get("pipeline_spec", spec).get("root", {}).get("inputDefinitions", {}).get("parameters", {})
        given = body.get("runtime_config", {}).get("parameters", {})
        if unknown := sorted(set(given) - set(declared)):
            raise RefusalError(400, f"Invalid input error: parameter {unknown[0]} is not in the pipeline")
        return found(self.experiments, body.get("experiment_id", ""))

    def _create_run(self, call: Call) -> dict[str, Any]:
        check_model("V2beta1Run", call.body)
        experiment = self._check_job(call.body)
        key, created_at = self._new("run")
        self.runs[key] = {
            **call.body,
            "run_id": key,
            "created_at": created_at,
            "finished_at": "1970-01-01T00:00:00Z",
            "state": "PENDING",
            "storage_state": "AVAILABLE",
            "_namespace": experiment["namespace"],
        }
        return self.runs[key]

    def _list_runs(self, call: Call) -> dict[str, Any]:
        return self._page(call, "runs", self._jobs(call, self.runs))

    def _jobs(self, call: Call, jobs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        if experiment := call.query.get("experiment_id"):
            found(self.experiments, experiment)
            return [each for each in jobs.values() if each["experiment_id"] == experiment]
        namespace = self._namespace(call.query.get("namespace"))
        return [each for each in jobs.values() if each["_namespace"] == namespace]

    def _get_run(self, call: Call, key: str) -> dict[str, Any]:
        run = found(self.runs, key)
        if self.progress:
            run.update(self.progress.pop(0))
        return run

    def _terminate_run(self, call: Call, key: str) -> dict[str, Any]:
        found(self.runs, key)["state"] = "CANCELING"
        return {}

    def _create_recurring_run(self, call: Call) -> dict[str, Any]:
        check_model("V2beta1RecurringRun", call.body)
        experiment = self._check_job(call.body)
        if not 1 <= int(call.body.get("max_concurrency", 0)) <= 10:
            raise RefusalError(400, "Invalid input error: The max concurrency is out of range. Support 1-10")
        cron = call.body.get("trigger", {}).get("cron_schedule", {}).get("cron", "")
        if len(cron.split()) not in (5, 6):  # the server takes five, and reads them in its own way
            raise RefusalError(400, "Invalid input error: Schedule cron is not a supported format")
        if call.body.get("mode") not in ("ENABLE", "DISABLE"):
            raise RefusalError(400, "Invalid input error: The mode of the recurring run is unspecified")
        key, created_at = self._new("recurring")
        self.recurring_runs[key] = {
            **{name: value for name, value in call.body.items() if name != "mode"},
            "max_concurrency": str(call.body["max_concurrency"]),
            "recurring_run_id": key,
            "created_at": created_at,
            "status": f"{call.body['mode']}D",
            "_namespace": experiment["namespace"],
        }
        return self.recurring_runs[key]

    def _list_recurring_runs(self, call: Call) -> dict[str, Any]:
        return self._page(call, "recurringRuns", self._jobs(call, self.recurring_runs))

    def _set_status(self, status: str) -> Callable[[Call, str], dict[str, Any]]:
        def change(call: Call, key: str) -> dict[str, Any]:
            found(self.recurring_runs, key)["status"] = status
            return {}

        return change

    def _page(self, call: Call, content: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        size = int(call.query.get("page_size") or 20)
        if size < 0:
            raise RefusalError(400, "Invalid input error: The page size should be greater than 0")
        criteria = [call.query.get("filter", ""), call.query.get("sort_by", "")]
        start = 0
        if token := call.query.get("page_token"):
            try:
                start, *of_token = json.loads(base64.b64decode(token, validate=True))
            except ValueError:
                raise RefusalError(400, "Invalid input error: Invalid package token.") from None
            if of_token != criteria:
                raise RefusalError(400, "Invalid input error: page token does not match the supplied criteria")
        matching = in_order([each for each in items if passes(each, criteria[0])], criteria[1])
        end = start + min(size, self.page_size)
        more = {"next_page_token": base64.b64encode(json.dumps([end, *criteria]).encode()).decode()}
        return {
            content: matching[start:end],
            "total_size": len(matching),
            **(more if end < len(matching) else {}),
        }


class Handler(BaseHTTPRequestHandler):
    """HTTP of the mock."""

    mock: MockServer
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # one packet for an answer, not two of which the second waits for an acknowledgement

    def log_message(self, *arguments: Any) -> None:
        pass

    def handle_any(self) -> None:
        call = self._read()
        self.mock.calls.append(call)
        fault = next(
            (f for f in self.mock.faults if f.times and re.search(f.pattern, f"{call.method} {call.path}")), None
        )
        if fault:
            fault.times -= 1
            fault.act(self, lambda: self._do(call))
        else:
            self._do(call)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any  # noqa: N815  names of the base class

    def _read(self) -> Call:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: Any = data
        if "json" in self.headers.get("Content-Type", "") and data:
            body = json.loads(data)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Call(self.command, parts.path, query, headers, body, self.client_address)

    def _do(self, call: Call) -> None:
        try:
            self.send(200, shown(self.mock.answer(call)))
        except RefusalError as refusal:
            self.refuse(refusal.status, str(refusal))

    def refuse(self, status: int, message: str, **headers: str) -> None:
        code = GRPC_CODES.get(status, 2)
        self.send(status, {"error": message, "code": code, "message": message, "details": []}, **headers)

    def send(self, status: int, content: object, **headers: str) -> None:
        self.send_bytes(status, json.dumps(content).encode(), "application/json", **headers)

    def send_bytes(self, status: int, data: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def drop(self) -> None:
        """Ends the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(2)


# --- faults ---


def refuses(status: int, message: str = "no", **headers: str) -> Callable[[Handler, Callable[[], None]], None]:
    return lambda handler, work: handler.refuse(status, message, **headers)


def says(data: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> Callable[..., None]:
    return lambda handler, work: handler.send_bytes(status, data, kind, **headers)


def drops(handler: Handler, work: Callable[[], None]) -> None:
    handler.drop()


def stalls(handler: Handler, work: Callable[[], None]) -> None:
    handler.mock.ended.wait(LONGEST_STALL)
    handler.close_connection = True


def does_and_drops(handler: Handler, work: Callable[[], None]) -> None:
    """The work is done, and the answer is lost."""
    handler.send = lambda status, content, **headers: None  # type: ignore[method-assign]
    work()
    del handler.send  # type: ignore[method-assign]
    handler.drop()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may hang up
            super().handle_error(request, client_address)


@contextmanager
def serving(mock: MockServer, tls: ssl.SSLContext | None = None) -> Iterator[MockServer]:
    """Serves the mock on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"mock": mock}))
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    mock.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mock
    finally:
        mock.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


# --- the shapes of the API ---


def check_model(model: str, content: Any, path: str = "") -> None:
    """Raises RefusalError where content is no JSON of a model: an unknown field, or one of a wrong type."""
    if not isinstance(content, dict):
        raise RefusalError(400, f"proto: syntax error: unexpected token at {path or 'the body'}")
    kind = getattr(kfp_server_api, model)
    types = {kind.attribute_map[name]: type_name for name, type_name in kind.openapi_types.items()}
    for name, value in content.items():
        if name not in types:
            raise RefusalError(400, f'proto: unknown field "{path}{name}"')
        check_type(types[name], value, f"{path}{name}")


def check_type(kind: str, value: Any, path: str) -> None:
    if kind == "datetime":
        kind = "str"
    if kind == "str" and path.endswith("max_concurrency"):
        kind, value = "str", str(value)  # an int64: JSON has it as text, and the server takes a number too
    if kind.startswith("dict("):
        valid = isinstance(value, dict)
    elif kind in NATIVE_TYPES:
        valid = isinstance(value, NATIVE_TYPES[kind])
    elif values := getattr(getattr(kfp_server_api, kind), "allowable_values", None):
        valid = value in values
    else:
        check_model(kind, value, f"{path}.")
        return
    if not valid:
        raise RefusalError(400, f'proto: invalid value for field "{path}": {value!r}')


def read_spec(call: Call) -> Any:
    """The pipeline in an upload, as the server keeps it."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + call.body)
    part = next(
        (p for p in message.walk() if p.get_param("name", header="content-disposition") == "uploadfile"), None
    )
    if part is None or not str(part.get_filename()).endswith(".yaml"):
        raise RefusalError(400, "Failed to read pipeline from file")
    documents = list(yaml.safe_load_all(part.get_payload(decode=True)))
    if documents[0].get("schemaVersion") != "2.1.0":
        raise RefusalError(400, "Invalid input error: unknown template format")
    if len(documents) == 1:
        return documents[0]
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}


def passes(item: dict[str, Any], filter_text: str) -> bool:
    if not filter_text:
        return True
    for predicate in json.loads(filter_text)["predicates"]:
        if predicate["operation"] not in (1, "EQUALS") or predicate["key"] not in ("display_name", "name"):
            raise RefusalError(400, f"Invalid input error: failed to parse valid filter from {filter_text!r}")
        if item[predicate["key"]] != predicate.get("stringValue", predicate.get("string_value")):
            return False
    return True


def in_order(items: list[dict[str, Any]], sort_by: str) -> list[dict[str, Any]]:
    name, _, direction = (sort_by or "created_at").partition(" ")
    if name not in ("created_at", "display_name", "name") or direction not in ("", "asc", "desc"):
        raise RefusalError(400, f"Invalid input error: Received invalid sort by format `{sort_by}`")
    return sorted(items, key=lambda each: each[name], reverse=direction == "desc")


def found(items: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    if key not in items:
        raise RefusalError(404, f"ResourceNotFoundError: {key} not found.")
    return items[key]


def removed(items: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    found(items, key)
    del items[key]
    return {}


def shown(content: Any) -> Any:
    """Without what the mock keeps for itself."""
    if isinstance(content, dict):
        return {name: shown(value) for name, value in content.items() if not name.startswith("_")}
    return [shown(each) for each in content] if isinstance(content, list) else content
