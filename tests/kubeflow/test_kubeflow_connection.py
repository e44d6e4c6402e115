"""Ways to a server, who asks, and for whom."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from kubeflow.client import connection as connections
from kubeflow.client.connection import Address, Forwarded, Settings, connect, find_namespace, find_way, named
from kubeflow.client.credentials import TokenFile, TokenText, check_authorities, check_secrecy, find_token
from kubeflow.client.errors import RefusedError
from kubeflow.client.options import make_settings
from kubeflow.client.port_forward import port_forward
from kubeflow.client.runs import experiment_id, list_runs
from schema.errors import BreastImagingError, ConfigurationError
from tests.kubeflow.conftest import QUICK
from tests.kubeflow.mock_api import MockServer, says

# Says that it forwards, to the port of FORWARD_TO, and then waits as kubectl does.
KUBECTL = """#!/bin/sh
echo "$@" > {folder}/arguments
echo $$ > {folder}/pid
{body}
"""
FORWARDS = 'echo "Forwarding from 127.0.0.1:$FORWARD_TO -> 8888"; exec sleep 60'


def fake_kubectl(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "kubectl"
    program.write_text(KUBECTL.format(folder=folder, body=body))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_forwarded_server(server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kubectl(tmp_path, FORWARDS, monkeypatch)
    monkeypatch.setenv("FORWARD_TO", server.url.rpartition(":")[2])
    with connect(Settings(Forwarded("kfp", "hospital"), limits=QUICK)) as connection:
        assert list(list_runs(connection)) == []
        pid = int((tmp_path / "pid").read_text())
        assert is_running(pid)
    assert not is_running(pid)
    assert (tmp_path / "arguments").read_text().split() == [
        "port-forward",
        "--address=127.0.0.1",
        "--namespace=kfp",
        "--context=hospital",
        "service/ml-pipeline",
        ":8888",
    ]


def test_an_option_goes_before_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://variable")

    def way(endpoint: str | None, port_forward: bool) -> Address | Forwarded:
        return make_settings(endpoint, port_forward, "kubeflow", None, "", None, None, 1.0).way

    assert way(None, False) == Address("http://variable")
    assert way("http://option", False) == Address("http://option")
    assert way(None, True) == Forwarded("kubeflow", None)


def test_kubectl_is_ended_after_a_failure_even_if_it_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_kubectl(tmp_path, f'trap "" TERM; {FORWARDS}', monkeypatch)
    monkeypatch.setattr("kubeflow.client.port_forward._GRACE", 0.1)
    monkeypatch.setenv("FORWARD_TO", "1")
    with (
        pytest.raises(BreastImagingError, match="cannot be reached"),
        connect(Settings(Forwarded("kubeflow", None), limits=QUICK)),
    ):
        pass
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_kubectl_that_finds_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kubectl(tmp_path, 'echo "Error from server (NotFound): services not found" >&2; exit 1', monkeypatch)
    with (
        pytest.raises(BreastImagingError, match="port-forward to service/ml-pipeline ended") as caught,
        port_forward("kubeflow", None, 10),
    ):
        pass
    assert caught.value.reasons == ("Error from server (NotFound): services not found",)


def test_kubectl_that_does_not_get_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_kubectl(tmp_path, "exec sleep 60", monkeypatch)
    with pytest.raises(BreastImagingError, match=r"opened no way in 0\.2 s"), port_forward("kubeflow", None, 0.2):
        pass
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_no_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="needs kubectl"), port_forward("kubeflow", None, 1):
        pass


def test_kubectl_of_this_machine_has_these_options() -> None:
    """The real program, where there is one, refuses for want of a cluster, and not for an option."""
    command = ("kubectl", "port-forward", "--address=127.0.0.1", "--namespace=x", "--context=")
    try:
        ran = subprocess.run(
            [*command, "--server=http://127.0.0.1:1", "service/ml-pipeline", ":8888"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        pytest.skip("there is no kubectl here")
    assert ran.returncode not in (0, -signal.SIGTERM)
    assert "unknown" not in ran.stderr
    assert "refused" in ran.stderr


@pytest.mark.parametrize("url", ["http://localhost:8888", "https://kubeflow.example.org/pipeline/"])
def test_an_address(url: str) -> None:
    assert find_way(url, None, "kubeflow") == Address(url.rstrip("/"))


@pytest.mark.parametrize(
    "url",
    ["localhost:8888", "ftp://host", "http://", "http://me:secret@host", "http://host:port", "http://host/?a=b"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match="--endpoint is no address") as caught:
        find_way(url, None, "kubeflow")
    assert "secret" not in str(caught.value)


def test_one_way_has_to_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="two ways"):
        find_way("http://host", Forwarded("kubeflow", None), "kubeflow")
    monkeypatch.setattr(connections, "POD_NAMESPACE", tmp_path / "namespace")
    with pytest.raises(ConfigurationError, match="No Kubeflow Pipelines server is named"):
        find_way(None, None, "kubeflow")
    assert find_namespace("") == ""
    (tmp_path / "namespace").write_text("research\n")
    assert find_way(None, None, "kfp") == Address("http://ml-pipeline.kfp.svc.cluster.local:8888")
    assert find_namespace("") == "research"
    assert find_namespace("other") == "other"


def test_tokens_by_precedence(tmp_path: Path) -> None:
    file, pod = tmp_path / "token", tmp_path / "pod"
    file.write_text("abc\n")
    in_pod = {"KF_PIPELINES_SA_TOKEN_PATH": str(pod)}
    assert find_token(None, in_pod) is None
    pod.write_text("xyz")
    assert find_token(None, in_pod) == TokenFile(pod)
    both = {**in_pod, "BREAST_IMAGING_KUBEFLOW_TOKEN": " def "}
    assert find_token(None, both) == TokenText("def")
    assert find_token(file, both) == TokenFile(file)
    assert "def" not in repr(TokenText("def"))


@pytest.mark.parametrize("content", [b"", b"two words", b"x" * 70_000, b"\xff"])
def test_a_file_without_a_token(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="token file"):
        find_token(file, {})
    with pytest.raises(ConfigurationError, match="No such file"):
        find_token(tmp_path / "absent", {})


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "http://localhost:1", "http://127.0.0.1", "http://a.kubeflow.svc:8888", "http://pod"],
)
def test_where_a_token_may_go(url: str) -> None:
    check_secrecy(url)


def test_a_token_does_not_cross_a_network_in_the_clear() -> None:
    settings = Settings(Address("http://kubeflow.example.org"), token=TokenText("abc"))
    with (
        pytest.raises(ConfigurationError, match=r"would be sent unencrypted to kubeflow\.example\.org"),
        connect(settings),
    ):
        pass


def test_a_file_without_authorities(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check_authorities(tmp_path / "absent.pem")
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ConfigurationError, match="it holds none"):
        check_authorities(tmp_path / "empty.pem")


def test_a_token_that_is_renewed_while_it_is_used(server: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    server.token = "first"
    with connect(Settings(Address(server.url), token=TokenFile(file), limits=QUICK)) as connection:
        assert list(list_runs(connection)) == []
        server.token = "second"
        with pytest.raises(RefusedError, match="does not know who asks"):
            list(list_runs(connection))
        file.write_text("second")
        assert list(list_runs(connection)) == []


def test_a_server_for_several_users(server: MockServer) -> None:
    server.multi_user = True
    nobody = Settings(Address(server.url), limits=QUICK)
    with pytest.raises(ConfigurationError, match="serves several users"), connect(nobody):
        pass
    with connect(Settings(Address(server.url), namespace="research", limits=QUICK)) as connection:
        experiment = experiment_id(connection, "breast")
        assert server.experiments[experiment]["namespace"] == "research"
        assert experiment_id(connection, "breast") == experiment
    somebody = Settings(Address(server.url), namespace="clinic", limits=QUICK)
    with (
        connect(somebody) as connection,
        pytest.raises(RefusedError, match=r"may not do this \(403.*namespace clinic"),
    ):
        list(list_runs(connection))


def test_a_server_for_one_user_is_asked_for_no_namespace(server: MockServer) -> None:
    with connect(Settings(Address(server.url), namespace="research", limits=QUICK)) as connection:
        assert connection.namespace == ""
        list(list_runs(connection))
    assert server.requests("GET .*/runs")[0].query.get("namespace", "") == ""


def test_a_list_without_end(server: MockServer) -> None:
    with connect(Settings(Address(server.url), limits=QUICK)) as connection:
        server.fail("GET .*/runs", says(b'{"runs": [{"run_id": "r"}], "next_page_token": "again"}'), times=9)
        with pytest.raises(BreastImagingError, match="its list of runs does not end"):
            list(list_runs(connection))


def test_the_filter_of_a_name() -> None:
    assert named('a"b') == '{"predicates": [{"operation": 1, "key": "display_name", "stringValue": "a\\"b"}]}'
