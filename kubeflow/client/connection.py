"""A connection to a Kubeflow Pipelines server: where it is, who asks, and for whom."""

import io
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import kfp
import kfp_server_api

from kubeflow.client.credentials import Token, check_secrecy
from kubeflow.client.errors import not_kubeflow
from kubeflow.client.port_forward import port_forward
from kubeflow.client.transport import Limits, Transport
from schema.errors import ConfigurationError

POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_IN_CLUSTER: Final = "http://ml-pipeline.{}.svc.cluster.local:8888"
_PAGE_SIZE: Final = 100
_MOST_PAGES: Final = 1000
_EQUALS: Final = 1  # of v2beta1's PredicateOperation


@dataclass(frozen=True)
class Address:
    """A server that this machine can reach. Attributes: url: of the API server or of the UI."""

    url: str


@dataclass(frozen=True)
class Forwarded:
    """A server that kubectl can reach. Attributes: namespace: of Kubeflow Pipelines itself; context: of kubectl."""

    namespace: str
    context: str | None


@dataclass(frozen=True)
class Settings:
    """What it takes to connect.

    Attributes:
        way: how the server is reached.
        namespace: whose runs; empty on a server without users of its own.
        token: shown with every call.
        tls_ca: PEM file of the authorities to trust; those of certifi where None.
        ui: address that links begin with; that of the server where empty.
    """

    way: Address | Forwarded
    namespace: str = ""
    token: Token | None = None
    tls_ca: Path | None = None
    ui: str = ""
    limits: Limits = field(default_factory=Limits)


def find_way(endpoint: str | None, forwarded: Forwarded | None, server_namespace: str) -> Address | Forwarded:
    """The way to the server: as named, or from within the cluster where this is a pod of it.

    Raises ConfigurationError where none or two are named, or the address is none.
    """
    if endpoint and forwarded:
        raise ConfigurationError("--endpoint and --port-forward are two ways to one server.", fix="name one of them")
    if forwarded:
        return forwarded
    if endpoint:
        return Address(_checked(endpoint))
    if POD_NAMESPACE.is_file():
        return Address(_IN_CLUSTER.format(server_namespace))
    raise ConfigurationError(
        "No Kubeflow Pipelines server is named, and this is no pod of a cluster.",
        fix="name its address with --endpoint or KF_PIPELINES_ENDPOINT, or use --port-forward",
    )


def find_namespace(namespace: str) -> str:
    """The namespace named, else that of this pod, else none."""
    if namespace or not POD_NAMESPACE.is_file():
        return namespace
    return POD_NAMESPACE.read_text(encoding="ascii").strip()


@dataclass(frozen=True)
class Connection:
    """An open connection.

    Attributes:
        kfp: its client; ask it through `ask` and `all`.
        namespace: whose runs; empty on a server for one user.
        ui: address that links begin with.
    """

    kfp: kfp.Client
    namespace: str
    ui: str

    def ask(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Calls kfp. Raises what `errors` defines, and NotKubeflowError where the answer makes no sense."""
        try:
            with redirect_stdout(io.StringIO()):  # kfp prints links, in the middle of --json
                return call(*arguments, **options)
        except kfp_server_api.ApiException as error:  # of the transport there is none: this is a date that is none
            raise not_kubeflow(self.ui, error.reason) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise not_kubeflow(self.ui, str(error)) from error

    def all(self, listing: Callable[..., Any], content: str, **options: Any) -> Iterator[Any]:
        """What a listing holds, page after page. Args: content: the field of an answer that has the list."""
        token = ""
        for _ in range(_MOST_PAGES):
            page = self.ask(listing, page_token=token, page_size=_PAGE_SIZE, **options)
            yield from getattr(page, content) or ()
            following = page.next_page_token or ""
            if not following:
                return
            if following == token:
                break
            token = following
        raise not_kubeflow(self.ui, f"its list of {content} does not end")

    def link(self, kind: str, identifier: str) -> str:
        """The page of a thing in the UI. Args: kind: runs, recurringrun or pipelines."""
        return f"{self.ui}/#/{kind}/details/{identifier}"


def named(name: str) -> str:
    """The filter for listings that lets pass what has this name."""
    return json.dumps({"predicates": [{"operation": _EQUALS, "key": "display_name", "stringValue": name}]})


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """Connects, asks the server whom it serves, and lets go in the end.

    Raises RefusedError and UnavailableError as `errors` defines them, and ConfigurationError where the server serves
    several users and no namespace is named.
    """
    with _address(settings) as url:
        if settings.token:
            check_secrecy(url)
        client = _Client(url, settings)
        connection = Connection(client, settings.namespace, (settings.ui or url).rstrip("/"))
        several_users = connection.ask(client.healthzs.healthz_service_get_healthz).multi_user is True
        if several_users and not settings.namespace:
            raise ConfigurationError(
                f"The server at {url} serves several users, each in a namespace.", fix="name yours with --namespace"
            )
        yield connection if several_users else replace(connection, namespace="")


class _Client(kfp.Client):
    """kfp's client on a transport that has deadlines."""

    def __init__(self, url: str, settings: Settings) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that servers older than 2.0 are not supported
            super().__init__(
                host=url,
                namespace="",  # each call names its own; kfp's default would be that of ~/.config/kfp/context.json
                ssl_ca_cert=str(settings.tls_ca) if settings.tls_ca else None,
                **(settings.token.options() if settings.token else {}),
            )
        # All of its APIs share one client.
        self.runs.api_client.rest_client = Transport(self._existing_config, settings.limits)

    def get_kfp_healthz(self, sleep_duration: int = 0) -> kfp_server_api.V2beta1GetHealthzResponse:
        """An empty answer for kfp's constructor, which would ask five times before there are deadlines."""
        return kfp_server_api.V2beta1GetHealthzResponse()


def _address(settings: Settings) -> AbstractContextManager[str]:
    if isinstance(settings.way, Forwarded):
        return port_forward(settings.way.namespace, settings.way.context, settings.limits.deadline)
    return nullcontext(settings.way.url)


def _checked(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or parts.username or parts.query or parts.fragment:
        raise ConfigurationError(
            "--endpoint is no address of a server.",
            fix="give it as http://localhost:8888 or https://kubeflow.example.org/pipeline, without a user or query",
        )
    return endpoint.rstrip("/")
