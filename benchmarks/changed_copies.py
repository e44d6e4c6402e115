"""What viewers, scanners, exports and augmentation do to pictures, which stay copies of what they were."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width) or (height, width, 3)
Change = Callable[[Pixels], Pixels]

_CALIPER: Final = 5  # pixels, half its length


def compressed(image: Pixels, quality: int) -> Pixels:
    _, coded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), np.uint8)


def resized(image: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def half_size(image: Pixels) -> Pixels:
    return resized(image, max(1, image.shape[0] // 2), max(1, image.shape[1] // 2))


def with_gain(image: Pixels, gain: float, offset: float) -> Pixels:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


def with_gamma(image: Pixels, gamma: float) -> Pixels:
    return np.rint(255 * (image / 255) ** gamma).astype(np.uint8)


def with_calipers(image: Pixels) -> Pixels:
    """Four crosses, a line between two of them and a measure, as on ultrasound images."""
    height, width = image.shape[:2]
    marked = image.copy()
    white = (255,) * 3
    points = [(int(width * x), int(height * y)) for x, y in ((0.3, 0.4), (0.7, 0.5), (0.5, 0.25), (0.5, 0.7))]
    for x, y in points:
        cv2.line(marked, (x - _CALIPER, y), (x + _CALIPER, y), white)
        cv2.line(marked, (x, y - _CALIPER), (x, y + _CALIPER), white)
    cv2.line(marked, points[0], points[1], white)
    cv2.putText(marked, "2.31 cm", (2, height - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, white)
    return marked


@dataclass(frozen=True)
class Crop:
    """Shares of the width and height that are cut off."""

    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0

    def __call__(self, image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        rows = slice(round(height * self.top), height - round(height * self.bottom))
        columns = slice(round(width * self.left), width - round(width * self.right))
        return image[rows, columns]


@dataclass(frozen=True)
class Turn:
    """Counter-clockwise, on a canvas of the same size.

    Attributes: degrees: of the turn; border: cv2's way of filling the corners; scale: enlargement.
    """

    degrees: float
    border: int = cv2.BORDER_CONSTANT
    scale: float = 1.0

    def __call__(self, image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), self.degrees, self.scale)
        source = np.ascontiguousarray(image)
        return np.asarray(cv2.warpAffine(source, matrix, (width, height), borderMode=self.border), np.uint8)


def turned_on_larger_canvas(image: Pixels, degrees: float) -> Pixels:
    """With black around it, so that no corner is lost."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = np.abs(matrix[0, :2])
    wide, high = round(height * sine + width * cosine), round(height * cosine + width * sine)
    matrix[:, 2] += (wide - width) / 2, (high - height) / 2
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(image), matrix, (wide, high)), np.uint8)


def mirrored(image: Pixels) -> Pixels:
    return image[:, ::-1]


def right_angles(image: Pixels, degrees: int) -> Pixels:
    return np.rot90(image, degrees // 90)


CHANGES: Final[Mapping[str, Change]] = {
    "saved again, JPEG of quality 90": lambda image: compressed(image, 90),
    "half the size": half_size,
    "squashed to 224 x 224": lambda image: resized(image, 224, 224),
    "JPEG of quality 50": lambda image: compressed(image, 50),
    "gain 0.6, plus 20": lambda image: with_gain(image, 0.6, 20),
    "contrast 1.5, minus 50": lambda image: with_gain(image, 1.5, -50),
    "gamma 1.6": lambda image: with_gamma(image, 1.6),
    "gamma 0.6": lambda image: with_gamma(image, 0.6),
    "calipers and text": with_calipers,
    "5 % cropped on one side": Crop(left=0.05),
    "8 % on one side": Crop(left=0.08),
    "5 % at a corner": Crop(left=0.05, top=0.05),
    "8 % at a corner": Crop(left=0.08, top=0.08),
    "5 % on each side": Crop(0.05, 0.05, 0.05, 0.05),
    "8 % on each side": Crop(0.08, 0.08, 0.08, 0.08),
    "mirrored": mirrored,
    "upside down": lambda image: image[::-1],
    "rotated by 90 degrees": lambda image: right_angles(image, 90),
    "by 180": lambda image: right_angles(image, 180),
    "by 270": lambda image: right_angles(image, 270),
    "mirrored, by 90": lambda image: right_angles(mirrored(image), 90),
    "squashed, by 90": lambda image: right_angles(resized(image, 224, 224), 90),
    "by 2, black corners": Turn(2),
    "by 4": Turn(4),
    "by 10": Turn(10),
    "by 15, corners filled from the edge": Turn(15, cv2.BORDER_REPLICATE),
    "by 30": Turn(30),
    "by 37, corners filled": Turn(37, cv2.BORDER_REPLICATE),
    "by 37, corners reflected": Turn(37, cv2.BORDER_REFLECT_101),
    "by 45": Turn(45),
    "by 122": Turn(122),
    "mirrored, by 250": lambda image: Turn(250)(mirrored(image)),
    "by 20, half the size, JPEG 50": lambda image: compressed(half_size(Turn(20)(image)), 50),
    "calipers, cropped, mirrored, gain, JPEG 50": lambda image: compressed(
        mirrored(with_gain(Crop(left=0.04, bottom=0.04)(with_calipers(image)), 0.8, 10)), 50
    ),
    "by 15, enlarged by 6 %": Turn(15, scale=1.06),
    "by 10, on a larger canvas": lambda image: turned_on_larger_canvas(image, 10),
    "by 30, on a larger canvas": lambda image: turned_on_larger_canvas(image, 30),
}
