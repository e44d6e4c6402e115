"""The section `metadata` of a configuration: where ML Metadata keeps what runs on this machine did."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from components.settings import Settings
from pipeline.secret import SecretReference

_OF_A_SERVER: Final = ("namespace", "host", "database", "user", "password_from")


class MetadataSettings(Settings):
    """Attributes:
    backend: `sqlite` is a file in the output folder, `mysql` a server of MySQL or MariaDB.
    namespace: tells the runs of one output folder from those of all others in the database.
    host, port, database, user: of the server; the database has to be there.
    password_from: where the password is.
    tls_ca: PEM file of the authority that signed the server's certificate; encrypts the connections.
    """

    backend: Literal["sqlite", "mysql"] = "sqlite"
    namespace: Annotated[str, Field(pattern=r"^(|[a-z0-9][a-z0-9_-]{0,62})$")] = ""
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{0,253}$")] = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,64}$")] = ""  # ML Metadata puts it into SQL as it is
    user: Annotated[str, Field(max_length=80)] = ""
    password_from: SecretReference = ""
    tls_ca: str = ""

    @model_validator(mode="after")
    def _fits_the_backend(self) -> "MetadataSettings":
        if self.backend == "mysql":
            missing = [name for name in _OF_A_SERVER if not getattr(self, name)]
            if missing:
                raise ValueError(f"backend mysql needs {', '.join(missing)}")
        elif self != MetadataSettings.model_construct():
            raise ValueError("backend is sqlite, which takes no other key; write backend: mysql, or take them out")
        return self
