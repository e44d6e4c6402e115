"""Names of container images that always mean the same image."""

import re
from typing import Final

from schema.errors import ConfigurationError

# https://github.com/distribution/reference, without the forms that leave out what a registry would fill in.
_REFERENCE: Final = re.compile(
    r"(?P<name>[a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+)"
    r"(:(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_FIX: Final = "name it by its digest, REGISTRY/NAME@sha256:..., or by the tag of one commit or version"


def check_image(image: str) -> None:
    """Raises ConfigurationError where the name is none, or may mean another image tomorrow.

    The backend's cache goes by the name, and a run that is tried again has to find what it began with. A digest is
    certain; a tag is taken for one that stays where it has a digit in it, as commits and versions have.
    """
    match = _REFERENCE.fullmatch(image)
    if match is None:
        raise ConfigurationError(f"--image {image}: this is no name of an image in a registry.", fix=_FIX)
    tag = match["tag"]
    if match["digest"]:
        return
    if tag is None:
        raise ConfigurationError(f"--image {image}: without a tag it means `latest`, which moves.", fix=_FIX)
    if not re.search(r"\d", tag):
        raise ConfigurationError(f"--image {image}: the tag {tag} moves from image to image.", fix=_FIX)
