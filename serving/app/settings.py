"""What the page is told when its server starts."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from serving.client import Client, Tls

STATUS_DEADLINE: Final = 3.0  # seconds; a page that opens must not wait for a server as long as an image may


class AppSettings(BaseModel):
    """Of the page.

    Attributes:
        address: HOST:PORT of the gRPC port.
        model: its name on the server.
        version, label: which version is asked; with neither, the server chooses.
        deadline: seconds for the answer to one image.
        tls: how the connection is encrypted; it is not where absent.
        upload_megabytes: the largest file that can be uploaded, MiB.
        model_folder: where the model is published, for its card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    model: str
    version: int | None = None
    label: str | None = None
    deadline: float = 30.0
    tls: Tls | None = None
    upload_megabytes: int = 64
    model_folder: Path | None = None

    def connect(self) -> Client:
        """A client for images. Raises ConfigurationError where none is described. Nothing is sent yet."""
        return self._client(self.deadline)

    def connect_for_status(self) -> Client:
        """As `connect`, for short questions."""
        return self._client(min(self.deadline, STATUS_DEADLINE))

    def _client(self, deadline: float) -> Client:
        return Client(
            self.address, self.model, version=self.version, label=self.label, deadline=deadline, tls=self.tls
        )
