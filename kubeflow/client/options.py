"""Options of the commands that ask a Kubeflow Pipelines server."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pipeline.cli.shared_options import shares_options

if TYPE_CHECKING:
    from kubeflow.client.commands import Target
    from kubeflow.client.connection import Settings

DEFAULT_SERVER_NAMESPACE: Final = "kubeflow"
DEFAULT_DEADLINE: Final = 30.0  # seconds

EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        help="Address of the server, as http://localhost:8888.",
        show_default="that in KF_PIPELINES_ENDPOINT",
    ),
]
PortForwardOption = Annotated[
    bool, typer.Option("--port-forward", help="Reach the server through kubectl port-forward.")
]
ServerNamespaceOption = Annotated[
    str, typer.Option("--server-namespace", help="Namespace in which Kubeflow Pipelines itself runs.")
]
KubeContextOption = Annotated[
    str | None, typer.Option("--kube-context", help="Context of kubectl, for --port-forward.")
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        "--namespace",
        envvar="BREAST_IMAGING_KUBEFLOW_NAMESPACE",
        help="Namespace of runs and schedules, on a server for several users.",
        show_default="that of the pod",
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="BREAST_IMAGING_KUBEFLOW_TOKEN_FILE",
        help="File with a bearer token, read for each call. Or put a token in BREAST_IMAGING_KUBEFLOW_TOKEN.",
    ),
]
TlsCaOption = Annotated[
    Path | None,
    typer.Option("--tls-ca", envvar="BREAST_IMAGING_KUBEFLOW_TLS_CA", help="Trust the authorities in this PEM file."),
]
DeadlineOption = Annotated[
    float, typer.Option("--deadline", min=0.1, help="Seconds in which the server has to answer each attempt.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def make_target(
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = False,
    server_namespace: ServerNamespaceOption = DEFAULT_SERVER_NAMESPACE,
    kube_context: KubeContextOption = None,
    namespace: NamespaceOption = "",
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    deadline: DeadlineOption = DEFAULT_DEADLINE,
    as_json: JsonOption = False,
) -> "Target":
    """Raises as `make_settings` does."""
    from kubeflow.client.commands import Target

    settings = make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    return Target(settings, as_json)


asks_server: Final = shares_options(make_target)  # decorator of commands whose first argument is a `Target`


def make_settings(
    endpoint: str | None,
    port_forward: bool,
    server_namespace: str,
    kube_context: str | None,
    namespace: str,
    token_file: Path | None,
    tls_ca: Path | None,
    deadline: float,
) -> "Settings":
    """Raises ConfigurationError where the options do not fit together, or name files that cannot be used."""
    from kubeflow.client.connection import Forwarded, Settings, find_namespace, find_way
    from kubeflow.client.credentials import check_authorities, find_token
    from kubeflow.client.transport import Limits

    if tls_ca:
        check_authorities(tls_ca)
    forwarded = Forwarded(server_namespace, kube_context) if port_forward else None
    if not endpoint and not forwarded:  # options go before variables
        endpoint = os.environ.get("KF_PIPELINES_ENDPOINT")
    return Settings(
        way=find_way(endpoint, forwarded, server_namespace),
        namespace=find_namespace(namespace),
        token=find_token(token_file, os.environ),
        tls_ca=tls_ca,
        ui=os.environ.get("KF_PIPELINES_UI_ENDPOINT", ""),
        limits=Limits(deadline=deadline),
    )
