"""Where the launcher of Kubeflow Pipelines mirrors object stores: `LocalPathForURI` of its launcher_v2.go."""

from typing import Final

MOUNTS: Final = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}


def local_path(uri: str) -> str:
    """The path in a pod of an artifact; any other URI as it is."""
    for scheme, mount in MOUNTS.items():
        if uri.startswith(scheme):
            return mount + uri.removeprefix(scheme)
    return uri


def is_object_uri(uri: str) -> bool:
    return uri.startswith(tuple(MOUNTS))
