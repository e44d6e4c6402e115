"""Runs the page in Streamlit's own server."""

import os
import socket
from pathlib import Path
from typing import Final

from schema.errors import ConfigurationError
from serving.app.settings import AppSettings

_PAGE: Final = Path(__file__).with_name("page.py")
# Nothing is sent to anybody, no error shows its traceback, and whatever the browser prefers, text is dark on light.
_OPTIONS: Final = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "theme.base": "light",
    "theme.primaryColor": "#0b5a70",
    "theme.textColor": "#1c2b36",
    "theme.backgroundColor": "#f4f7f8",
    "theme.secondaryBackgroundColor": "#ffffff",
    "theme.linkColor": "#0b5a70",
}


def check_port(host: str, port: int) -> None:
    """Raises ConfigurationError where nothing can listen there."""
    try:
        socket.create_server((host, port), family=_family(host, port)).close()
    except OSError as error:
        raise ConfigurationError(
            f"The page cannot listen at {host}:{port} ({os.strerror(error.errno) if error.errno else error}).",
            fix="choose another --port, or end what listens there; --host takes an address of this machine",
        ) from error


def run_server(settings: AppSettings, host: str, port: int) -> None:
    """Serves the page until SIGINT or SIGTERM, and says where once it does. Raises as `check_port` does."""
    check_port(host, port)  # Streamlit's own message names neither the address nor the reason
    from starlette.formparsers import MultiPartParser
    from streamlit.web.cli import main as streamlit  # takes a second to import

    # Otherwise Starlette, which receives the uploads, writes those of more than 1 MiB to a temporary file.
    MultiPartParser.spool_max_size = (settings.upload_megabytes + 1) * 1024 * 1024
    listening = {
        "server.address": host,
        "server.port": port,
        "browser.serverAddress": host,  # else Streamlit asks a service on the Internet for it
        "server.maxUploadSize": settings.upload_megabytes,
    }
    options = [f"--{name}={value}" for name, value in {**_OPTIONS, **listening}.items()]
    streamlit(["run", str(_PAGE), *options, "--", settings.model_dump_json()], standalone_mode=False)


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
