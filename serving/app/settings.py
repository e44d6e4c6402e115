"""What the page is told when its server starts."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from serving.client import Client, Tls

STATUS_DEADLINE: Final = 3.0  # seconds; a page that opens must not wait for a server as long as an image may


class AppSettings(BaseModel):
    """Of the page.

    Attributes:
        address: HOST:PORT of the gRPC port.
        model: its name on the server.
        version: that is asked; the server chooses where absent.
        deadline: seconds for the answer to one image.
        upload_megabytes: the largest file that can be uploaded, MiB.
        model_folder: where the model is published, for its card.
        ca, certificate, key: as those of `Tls`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = "localhost:8500"
    model: str = "breast_imaging"
    version: Annotated[int, Field(ge=0)] | None = None
    deadline: Annotated[float, Field(gt=0.0)] = 30.0
    upload_megabytes: Annotated[int, Field(ge=1, le=512)] = 64
    model_folder: Path | None = None
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def connect(self) -> Client:
        """A client for images. Raises ConfigurationError where none is described. Nothing is sent yet."""
        return self._client(self.deadline)

    def connect_for_status(self) -> Client:
        """As `connect`, for short questions."""
        return self._client(min(self.deadline, STATUS_DEADLINE))

    def _client(self, deadline: float) -> Client:
        tls = Tls(self.ca, self.certificate, self.key) if self.tls else None
        return Client(self.address, self.model, version=self.version, deadline=deadline, tls=tls)
