"""Asks for images that were given to the page, one by one, so that a broken one costs no other its answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from PIL import Image

from schema.errors import BreastImagingError
from schema.images.formats import read_image
from schema.images.thumbnails import shrink
from serving.client import BadImageError, Explanation, ServerUnavailableError, TooLargeError
from serving.client.conversion import to_png

LONGER_SIDE: Final = 640  # pixels of what is shown
MOST_IMAGES: Final = 100  # at a time
_OF_THE_IMAGE: Final = (BadImageError, TooLargeError)

Explain = Callable[[Sequence[bytes]], list[Explanation]]


@dataclass(frozen=True)
class GivenImage:
    """An image that somebody wants to be answered.

    Attributes:
        identifier: differs from that of any other.
        name: of the file.
        data: its content, of any format that ingestion reads.
    """

    identifier: str
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Answered:
    """An image with its answer.

    Attributes:
        picture: as it was sent, 8 bits a channel, at most LONGER_SIDE pixels wide and high.
        width, height: of what was sent, pixels.
    """

    name: str
    picture: Image.Image = field(repr=False, compare=False)
    width: int
    height: int
    explanation: Explanation

    @property
    def is_final(self) -> bool:
        """Whether asking again would change nothing."""
        return True


@dataclass(frozen=True)
class Refused:
    """An image without an answer. Attributes: error: why; it does not name the file."""

    name: str
    error: BreastImagingError

    @property
    def is_final(self) -> bool:
        """Whether asking again would change nothing, because the reason is the image."""
        return isinstance(self.error, _OF_THE_IMAGE)


Outcome = Answered | Refused


def ask_for_all(explain: Explain, images: Iterable[GivenImage], known: Mapping[str, Outcome]) -> Iterator[Outcome]:
    """One outcome for each image, in their order.

    Images after MOST_IMAGES are refused, as are those after one that found no server.

    Args:
        explain: for encoded images, such as `Client.explain`.
        known: outcomes by identifier, of images that are not asked for again.
    """
    unreachable: BreastImagingError | None = None
    for number, image in enumerate(images):
        if number >= MOST_IMAGES:
            yield Refused(image.name, _too_many())
        elif image.identifier in known:
            yield known[image.identifier]
        elif unreachable:
            yield Refused(image.name, unreachable)
        else:
            outcome = ask(explain, image)
            if isinstance(outcome, Refused) and isinstance(outcome.error, ServerUnavailableError):
                unreachable = outcome.error
            yield outcome


def final_outcomes(images: Iterable[GivenImage], outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    """By identifier, those that asking again would not change."""
    asked = islice(zip(images, outcomes, strict=True), MOST_IMAGES)  # later ones may move up
    return {image.identifier: outcome for image, outcome in asked if outcome.is_final}


def ask(explain: Explain, image: GivenImage) -> Outcome:
    """Converts the image as ingestion does, and asks for it."""
    try:
        png = to_png(image.data)
        (explanation,) = explain([png])
    except BreastImagingError as error:
        return Refused(image.name, error)
    pixels = read_image(png).pixels
    height, width = pixels.shape[:2]
    return Answered(image.name, shrink(pixels, LONGER_SIDE), width, height, explanation)


def _too_many() -> TooLargeError:
    return TooLargeError(
        f"More than {MOST_IMAGES} images at a time are not answered.", fix="choose the remaining ones afterwards"
    )
