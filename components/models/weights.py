"""The weights that a backbone starts from."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from components.models.spec import IMAGENET, UNTRAINED, BackboneSpec, ModelSpec, Network, PublishedWeights
from components.settings import ModelSettings
from schema.errors import BreastImagingError, ConfigurationError

if TYPE_CHECKING:
    import keras

MAXIMUM_BYTES: Final = 2**30  # ten times the largest backbone
_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_SUFFIXES: Final = (".h5", ".hdf5")


def check_weights(spec: ModelSpec, settings: ModelSettings) -> None:
    """Raises ConfigurationError where the settings name a file of weights that is absent or another one.

    Reads the file on this machine, and needs no Keras.
    """
    if spec.starting_weights(settings) not in {IMAGENET, UNTRAINED}:
        _check_file(Path(settings.weights), settings.weights_sha256)


def load_weights(network: Network, spec: ModelSpec, settings: ModelSettings) -> None:
    """Loads into the base what the settings choose; leaves a network without a base, or `none`, as initialised.

    Raises:
        ConfigurationError: a file of the settings is absent, another one, or of another network.
        BreastImagingError: the ImageNet weights cannot be downloaded, or arrive damaged.
    """
    weights = spec.starting_weights(settings)
    if network.base is None or spec.backbone is None or weights == UNTRAINED:
        return
    if weights == IMAGENET:
        path = _download(spec.name, spec.backbone, settings)
    else:
        check_weights(spec, settings)
        path = weights
    _load(network.base, path, spec.name)


def how_to_fetch(published: PublishedWeights) -> str:
    return (
        f"download {published.url} with another tool, or on another machine, and name the file: "
        f"--set model.weights=PATH --set model.weights_sha256=... (sha256sum prints it)"
    )


def _check_file(path: Path, sha256: str) -> None:
    if path.suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"model.weights: {path} is no HDF5 file by its name.", fix=f"name a file that ends in {_SUFFIXES[0]}"
        )
    try:
        _check_content(path, sha256.lower())
    except OSError as error:
        raise ConfigurationError(
            f"model.weights: {path} cannot be read ({error.strerror}).", fix="correct the path, or the permissions"
        ) from error


def _check_content(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        size = path.stat().st_size
        if size > MAXIMUM_BYTES or file.read(len(_HDF5_SIGNATURE)) != _HDF5_SIGNATURE:
            raise ConfigurationError(
                f"model.weights: {path} ({size:,} bytes) is no HDF5 file of up to {MAXIMUM_BYTES:,} bytes.",
                fix="name a file of weights as Keras writes it, without the last layers",
            )
        file.seek(0)
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise ConfigurationError(
            f"model.weights: {path} is not the file that model.weights_sha256 names; its SHA-256 is {actual}.",
            fix="fetch the file again, or correct model.weights_sha256 if you trust the file",
        )


def _download(name: str, backbone: BackboneSpec, settings: ModelSettings) -> str:
    import keras

    published = backbone.chosen_weights(settings)
    checksum = settings.weights_sha256.lower() or published.checksum
    if not checksum:
        raise ValueError(f"{published.url} has no checksum; check_model refuses it")
    try:
        path: str = keras.utils.get_file(
            published.file_name, published.url, cache_subdir="models", file_hash=checksum
        )
    except Exception as error:  # what Keras raises when the network fails has no type of its own
        raise BreastImagingError(
            f"The ImageNet weights of {name} could not be downloaded from {published.url}.",
            fix=how_to_fetch(published),
            reasons=[str(error)],
        ) from error
    return path


def _load(base: "keras.Model", path: str, name: str) -> None:
    try:
        base.load_weights(path)
    except Exception as error:  # HDF5 and Keras have many ways to find a file unfit
        raise ConfigurationError(
            f"model.weights: {path} does not fit the layers of {name}.",
            fix=f"name weights of {name} without its last layers, at the width in use",
            reasons=[str(error).partition("\n")[0]],
        ) from error
