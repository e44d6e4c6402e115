"""Makes sure, before anything runs, that ML Metadata can be written to."""

import re
from typing import Final

from pipeline.metadata import mysql
from pipeline.metadata.namespaces import claim_namespace
from pipeline.metadata.place import MetadataPlace, metadata_place
from pipeline.metadata.settings import MetadataSettings
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError

_FIXES: Final = {
    "is older than library": "upgrade its schema with ML Metadata's own tool, or take another database",
    "is greater than library": "take another database: a newer release of ML Metadata has written to this one",
    "mysql_real_connect failed": "have the user log in with mysql_native_password, the only way that ML Metadata's"
    " client knows: ALTER USER ... IDENTIFIED WITH mysql_native_password BY ...",
    "command denied": "GRANT ALL ON the database TO the user",
}
_REPEATED: Final = re.compile(r"errno: (.+), error: \1")


def prepare_metadata(settings: MetadataSettings, output: OutputFolder) -> MetadataPlace:
    """Connects to the server, and claims the namespace for the output folder, which is held; a file needs neither.

    Raises ConfigurationError where the server cannot be used, and where the namespace is another folder's.
    """
    place = metadata_place(settings, output)
    if settings.backend == "mysql":
        mysql.log_in(settings)
        try:
            with place.open() as handle:
                claim_namespace(handle.store, place.namespace, output)
        except RuntimeError as error:
            raise _refusal(settings, str(error)) from error
    return place


def _refusal(settings: MetadataSettings, said: str) -> ConfigurationError:
    fixes = [fix for sign, fix in _FIXES.items() if sign in said]
    reason = _REPEATED.sub(r"\1", said.partition("with error: ")[2] or said)
    return ConfigurationError(
        f"ML Metadata cannot use {mysql.describe(settings)}: {reason.partition('. ')[0]}.",
        fix=fixes[0] if fixes else "take an empty database",
    )
