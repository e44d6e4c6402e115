"""Pipelines on the server, and their versions."""

from collections.abc import Iterator
from typing import Any

import kfp_server_api

from kubeflow.client.compiled_file import CompiledFile
from kubeflow.client.connection import Connection, named
from kubeflow.client.errors import ConflictError, NotFoundError


def upload(connection: Connection, compiled: CompiledFile, name: str, version_name: str) -> tuple[Any, bool]:
    """Makes the file a version of a pipeline, which is made where there is none of the name.

    The version's name ends with the file's digest, so that the same bytes become a version once, whatever the name
    before it, and an upload that was cut off can be repeated.

    Returns:
        The version, and whether it is new.
    """
    pipeline = find_pipeline(connection, name) or _create_pipeline(connection, name)
    if found := _version_of(connection, pipeline, compiled):
        return found, False
    try:
        version = connection.ask(
            connection.kfp.upload_pipeline_version,
            str(compiled.path),
            pipeline_version_name=f"{version_name}-{compiled.digest}",
            pipeline_id=pipeline.pipeline_id,
            description=f"sha256:{compiled.sha256}",
        )
    except ConflictError:  # somebody else has uploaded it in this moment
        if found := _version_of(connection, pipeline, compiled):
            return found, False
        raise
    return version, True


def find_pipeline(connection: Connection, name: str) -> Any | None:
    """The pipeline of a name: of the namespace, else one that all share; None where there is none."""
    for namespace in dict.fromkeys((connection.namespace, "")):
        listing = connection.all(
            connection.kfp.list_pipelines, "pipelines", filter=named(name), namespace=namespace or None
        )
        if found := next((each for each in listing if each.display_name == name), None):
            return found
    return None


def get_pipeline(connection: Connection, name: str) -> Any:
    """The pipeline of a name. Raises NotFoundError."""
    if found := find_pipeline(connection, name):
        return found
    raise NotFoundError(
        f"The server has no pipeline {name}.", fix="upload it with `breast-imaging kubeflow upload FILE.yaml`"
    )


def list_pipelines(connection: Connection) -> Iterator[Any]:
    """All pipelines that the namespace sees."""
    for namespace in dict.fromkeys((connection.namespace, "")):
        yield from connection.all(connection.kfp.list_pipelines, "pipelines", namespace=namespace or None)


def get_version(connection: Connection, pipeline: Any, version: str | None) -> Any:
    """The version of a pipeline with this name or id, or the latest. Raises NotFoundError."""
    versions = versions_of(connection, pipeline)
    for each in versions:  # latest first
        if version in (None, each.display_name, each.pipeline_version_id):
            return each
    raise NotFoundError(
        f"The pipeline {pipeline.display_name} has no version{f' {version}' if version else ''}.",
        fix="upload one with `breast-imaging kubeflow upload`, or leave out --version for the latest",
    )


def versions_of(connection: Connection, pipeline: Any) -> Iterator[Any]:
    """The versions of a pipeline, latest first."""
    return connection.all(
        connection.kfp.list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=pipeline.pipeline_id,
        sort_by="created_at desc",
    )


def delete_pipeline(connection: Connection, pipeline: Any) -> None:
    """Deletes a pipeline with its versions, which the server wants deleted first."""
    for version in list(versions_of(connection, pipeline)):
        connection.ask(connection.kfp.delete_pipeline_version, pipeline.pipeline_id, version.pipeline_version_id)
    connection.ask(connection.kfp.delete_pipeline, pipeline.pipeline_id)


def _create_pipeline(connection: Connection, name: str) -> Any:
    """An empty pipeline: kfp's `upload_pipeline` would name its first version after it, without the digest."""
    try:
        return connection.ask(
            connection.kfp.pipelines.pipeline_service_create_pipeline,
            kfp_server_api.V2beta1Pipeline(display_name=name, namespace=connection.namespace or None),
        )
    except ConflictError:  # somebody else has made it in this moment
        return get_pipeline(connection, name)


def _version_of(connection: Connection, pipeline: Any, compiled: CompiledFile) -> Any | None:
    ending = f"-{compiled.digest}"
    return next((each for each in versions_of(connection, pipeline) if each.display_name.endswith(ending)), None)
