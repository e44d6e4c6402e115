"""Synthetic breast-ultrasound phantoms: good for nothing but trying the machinery, without clinical meaning.

Each simulated patient has layered tissue and one lesion. Margin, echo level, orientation and posterior
feature of the lesion are drawn around typical values of the class, with a spread that makes the classes
overlap; nothing else depends on the class. The views of a patient share tissue and lesion and differ in probe
position, gain and speckle. A model of these images says nothing about real ones.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from components.datasets.spec import ULTRASOUND, DatasetSpec, ImageRecord, Listing
from schema.images.suffixes import is_image_path

if TYPE_CHECKING:  # the command line imports every data set module, so numpy and scipy load only in `generate`
    import numpy as np
    from numpy.typing import NDArray

    Field = NDArray[np.float64]

BENIGN: Final = "benign"
MALIGNANT: Final = "malignant"
LABELS: Final = (BENIGN, MALIGNANT)
IMAGE_NAME: Final = re.compile(r"(?P<label>[^/]+)/(?P<group>patient-[0-9]{4})_image-[0-9]+\.png")

PATIENTS: Final = {BENIGN: 55, MALIGNANT: 45}
VIEWS_PER_PATIENT: Final = (2, 4)  # all ranges of counts and sizes are inclusive
WIDTH_PIXELS: Final = (180, 240)
HEIGHT_PIXELS: Final = (150, 200)
PIXEL_MM: Final = 0.2

# Tissue, from the skin downwards; echo levels are relative to glandular tissue.
LAYER_ECHO_DB: Final = (4.0, -10.0, 0.0, -7.0)  # skin, fat, glandular tissue, muscle
LAYER_TEXTURE_DB: Final = (1.0, 2.0, 3.0, 3.0)  # standard deviation of the slow changes within a layer
FASCIA_DB: Final = 8.0
FASCIA_MM: Final = 0.35
SEPTUM_DB: Final = 14.0
ATTENUATION_DB_PER_MM: Final = 0.22  # what the scanner's time-gain compensation leaves

# Lesion; lobes and spicules have this size at full margin irregularity.
LESION_TEXTURE: Final = 0.3  # share of the tissue's own levels that still shows inside
LOBES: Final = 4
LOBE_AMPLITUDE: Final = 0.13  # standard deviation, as a share of the radius, as is the next
SPICULE_LENGTH: Final = 0.35
SPICULE_WIDTH_RAD: Final = 0.1
SPICULES: Final = (7, 11)

# Scanner.
AXIAL_RESOLUTION_MM: Final = 0.16  # standard deviations of the point spread function
LATERAL_RESOLUTION_MM: Final = (0.3, 0.6)  # at the skin and at the deepest point
MAXIMUM_SHIFT_MM: Final = 2.5  # of the probe, between the views of a patient


@dataclass(frozen=True)
class LesionFeatures:
    """The four features by which the classes differ.

    Attributes:
        margin_irregularity: 0 (smooth) to 1 (lobulated and spiculated).
        echo_db: echo level relative to glandular tissue; below 0 is hypoechoic.
        height_to_width: above 1 is taller than wide.
        posterior_db: level behind the lesion relative to its surroundings; above 0 is enhancement, below 0
            is shadow.
    """

    margin_irregularity: float
    echo_db: float
    height_to_width: float
    posterior_db: float


TYPICAL_FEATURES: Final = {
    BENIGN: LesionFeatures(margin_irregularity=0.2, echo_db=-10.5, height_to_width=0.7, posterior_db=3.5),
    MALIGNANT: LesionFeatures(margin_irregularity=0.7, echo_db=-15.5, height_to_width=1.1, posterior_db=-5.0),
}
FEATURE_SPREAD: Final = LesionFeatures(margin_irregularity=0.22, echo_db=2.6, height_to_width=0.2, posterior_db=4.0)
FEATURE_LIMITS: Final = (
    LesionFeatures(margin_irregularity=0.0, echo_db=-22.0, height_to_width=0.5, posterior_db=-14.0),
    LesionFeatures(margin_irregularity=1.0, echo_db=-7.0, height_to_width=1.5, posterior_db=9.0),
)


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        features: what depends on the class.
        centre_x_mm: from the left edge of the image, before the probe is shifted.
        centre_depth_mm: from the skin surface.
        radius_mm: of the circle with the area of the lesion without its lobes.
        tilt_rad: rotation.
        lobe_amplitudes: float64 (lobes,), as a share of the radius, at margin irregularity 1.
        lobe_phases: float64 (lobes,), radians.
        spicule_angles: float64 (spicules,), radians.
    """

    features: LesionFeatures
    centre_x_mm: float
    centre_depth_mm: float
    radius_mm: float
    tilt_rad: float
    lobe_amplitudes: Field
    lobe_phases: Field
    spicule_angles: Field


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each `<class>/patient-NNNN_image-N.png`, with the patient as its group."""
    return [_record(path) for path in listing.paths if is_image_path(path)]


def _record(path: str) -> ImageRecord:
    match = IMAGE_NAME.fullmatch(path)
    if match is None or match["label"] not in LABELS:
        return ImageRecord(path=path, label=None)
    return ImageRecord(path=path, label=match["label"], group=match["group"])


def generate(directory: Path, seed: int) -> None:
    """Writes the data set, about 300 PNG images with 8 bits of grey, into an empty or new folder.

    Args:
        directory: the data folder; gets one folder for each class.
        seed: not negative; the same seed gives the same bytes.
    """
    for label in LABELS:
        (directory / label).mkdir(parents=True, exist_ok=True)
    labels = patient_labels(seed)
    folders = [directory / label for label in labels]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy and scipy compute without Python's lock
        list(pool.map(_write_views, folders, itertools.repeat(seed), itertools.count(1), labels))


def _write_views(folder: Path, seed: int, patient: int, label: str) -> None:
    from schema.images.formats import encode_png

    for view, pixels in enumerate(patient_views(seed, patient, label), start=1):
        (folder / f"patient-{patient:04d}_image-{view}.png").write_bytes(encode_png(pixels))


def patient_labels(seed: int) -> list[str]:
    """The class of each patient, from patient 1 on, in random order so that the number does not tell it."""
    import numpy as np

    labels = [label for label, count in PATIENTS.items() for _ in range(count)]
    order = np.random.default_rng((seed, 0)).permutation(len(labels))  # no patient has the number 0
    return [labels[position] for position in order]


def patient_views(seed: int, patient: int, label: str) -> list[NDArray[np.uint8]]:
    """All images of one patient: uint8 (height, width), 0 to 255, of one size, PIXEL_MM a pixel."""
    import numpy as np

    rng = np.random.default_rng((seed, patient))
    height = int(rng.integers(*HEIGHT_PIXELS, endpoint=True))
    width = int(rng.integers(*WIDTH_PIXELS, endpoint=True))
    tissue_db = _draw_tissue(rng, height, width + 2 * _pixels(MAXIMUM_SHIFT_MM))
    lesion = _draw_lesion(rng, label, height * PIXEL_MM, width * PIXEL_MM)
    views = int(rng.integers(*VIEWS_PER_PATIENT, endpoint=True))
    return [_draw_view(rng, tissue_db, lesion, width) for _ in range(views)]


def _pixels(millimetres: float) -> int:
    return round(millimetres / PIXEL_MM)


def _correlated_noise(rng: np.random.Generator, shape: tuple[int, ...], scales_mm: Sequence[float]) -> Field:
    """Gaussian noise with mean 0 and standard deviation 1 that changes over `scales_mm` along each axis."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(rng.standard_normal(shape), [scale / PIXEL_MM for scale in scales_mm])
    return (noise - noise.mean()) / noise.std()


def _draw_tissue(rng: np.random.Generator, height: int, width: int) -> Field:
    """Echo level of the tissue without lesion: float64 (height, width), dB relative to glandular tissue."""
    import numpy as np

    depth_mm = PIXEL_MM * np.arange(height)[:, None]
    interfaces_mm = _draw_interfaces(rng, height * PIXEL_MM, width)
    distance_mm = depth_mm - interfaces_mm[:, None, :]
    layer = (distance_mm > 0).sum(axis=0)
    texture = _correlated_noise(rng, (height, width), (0.7, 2.0)) * np.take(LAYER_TEXTURE_DB, layer)
    fascia = FASCIA_DB * np.exp(-((distance_mm / FASCIA_MM) ** 2)).max(axis=0)
    return np.take(LAYER_ECHO_DB, layer) + texture + np.maximum(fascia, _draw_septa(rng, layer))


def _draw_interfaces(rng: np.random.Generator, depth_mm: float, width: int) -> Field:
    """Depths of the lower ends of skin, fat and glandular tissue: float64 (3, width), mm."""
    import numpy as np

    mean_depths = [rng.uniform(1.4, 2.2), rng.uniform(5.5, 8.5), depth_mm * rng.uniform(0.76, 0.86)]
    waviness_mm = np.array([0.1, 0.8, 0.6])
    waves = np.stack([_correlated_noise(rng, (width,), (4.0,)) for _ in mean_depths])
    return np.array(mean_depths)[:, None] + waviness_mm[:, None] * waves


def _draw_septa(rng: np.random.Generator, layer: NDArray[np.intp]) -> Field:
    """Bright fibrous strands below the skin, dB: the thin lines along which smooth noise changes its sign."""
    import numpy as np

    ridge = np.exp(-((_correlated_noise(rng, layer.shape, (1.0, 3.0)) / 0.12) ** 2))
    strength = np.clip(_correlated_noise(rng, layer.shape, (2.0, 4.0)), 0, 1)  # strands come and go
    return SEPTUM_DB * ridge * strength * (layer > 0)


def _draw_features(rng: np.random.Generator, label: str) -> LesionFeatures:
    import numpy as np

    typical, spread = TYPICAL_FEATURES[label], FEATURE_SPREAD
    lowest, highest = FEATURE_LIMITS

    def draw(name: str) -> float:
        value = rng.normal(getattr(typical, name), getattr(spread, name))
        return float(np.clip(value, getattr(lowest, name), getattr(highest, name)))

    return LesionFeatures(
        margin_irregularity=draw("margin_irregularity"),
        echo_db=draw("echo_db"),
        height_to_width=draw("height_to_width"),
        posterior_db=draw("posterior_db"),
    )


def _draw_lesion(rng: np.random.Generator, label: str, depth_mm: float, width_mm: float) -> Lesion:
    import numpy as np

    spicules = int(rng.integers(*SPICULES, endpoint=True))
    return Lesion(
        features=_draw_features(rng, label),
        centre_x_mm=width_mm * rng.uniform(0.42, 0.58),
        centre_depth_mm=depth_mm * rng.uniform(0.45, 0.52),
        radius_mm=rng.uniform(4.0, 6.0),
        tilt_rad=rng.normal(0.0, 0.15),
        lobe_amplitudes=rng.normal(0.0, LOBE_AMPLITUDE, LOBES),
        lobe_phases=rng.uniform(0.0, 2 * np.pi, LOBES),
        spicule_angles=rng.uniform(-np.pi, np.pi, spicules),
    )


def _draw_view(rng: np.random.Generator, tissue_db: Field, lesion: Lesion, width: int) -> NDArray[np.uint8]:
    """One image of the patient: uint8 (height, width). `tissue_db` is wider by the shifts of the probe."""
    import numpy as np

    margin = _pixels(MAXIMUM_SHIFT_MM)
    shift = int(rng.integers(-margin, margin, endpoint=True))
    visible_db = tissue_db[:, margin + shift : margin + shift + width]
    mask = _lesion_mask(lesion, visible_db.shape, shift * PIXEL_MM, rng.normal(1.0, 0.06), rng.normal(0.0, 0.1))
    echo_db = visible_db + mask * (lesion.features.echo_db - (1 - LESION_TEXTURE) * visible_db)
    echo_db = echo_db + _transmission_db(mask, lesion.features.posterior_db)
    return _compress(rng, 20 * np.log10(_speckle(rng, echo_db)))


def _lesion_mask(
    lesion: Lesion, shape: tuple[int, ...], shift_mm: float, magnification: float, turn_rad: float
) -> Field:
    """How much each pixel belongs to the lesion: float64 `shape`, 0 to 1, with a soft edge.

    Args:
        lesion: the lesion of the patient.
        shape: height and width of the image.
        shift_mm: of the probe to the right, which moves the lesion to the left.
        magnification: size of the section seen in this view; 1 is that of `lesion`.
        turn_rad: added to the tilt in this view.
    """
    import numpy as np
    from scipy import special

    rows, columns = np.indices(shape)
    x = columns * PIXEL_MM - (lesion.centre_x_mm - shift_mm)
    y = rows * PIXEL_MM - lesion.centre_depth_mm
    tilt = lesion.tilt_rad + turn_rad
    stretch = np.sqrt(lesion.features.height_to_width)  # keeps the area, which must not tell the class
    across = (x * np.cos(tilt) + y * np.sin(tilt)) * stretch
    down = (y * np.cos(tilt) - x * np.sin(tilt)) / stretch
    radius_mm = lesion.radius_mm * magnification
    inside_mm = radius_mm * _margin(lesion, np.arctan2(down, across)) - np.hypot(across, down)
    softness_mm = 0.15 + 0.25 * lesion.features.margin_irregularity
    return special.expit(inside_mm / softness_mm)


def _margin(lesion: Lesion, angle: Field) -> Field:
    """Distance of the margin from the centre as a share of the radius, for each angle in radians."""
    import numpy as np

    irregularity = lesion.features.margin_irregularity
    # One lobe and one spicule at a time: arrays of all of them at once would not stay in the processor's cache.
    lobes, spicules = np.zeros_like(angle), np.zeros_like(angle)
    # Order 1 would only move the lesion.
    for order, amplitude, phase in zip(itertools.count(2), lesion.lobe_amplitudes, lesion.lobe_phases, strict=False):
        lobes += amplitude * np.cos(order * angle + phase)
    for spicule in lesion.spicule_angles:
        spicules += np.exp((np.cos(angle - spicule) - 1) / SPICULE_WIDTH_RAD**2)
    return 1 + irregularity * (lobes + SPICULE_LENGTH * spicules)


def _transmission_db(mask: Field, posterior_db: float) -> Field:
    """Level change by what the sound has passed through: float64 as `mask`, dB."""
    import numpy as np

    path_mm = PIXEL_MM * np.cumsum(mask, axis=0)
    depth_mm = PIXEL_MM * np.arange(mask.shape[0])[:, None]
    return posterior_db * path_mm / path_mm.max() - ATTENUATION_DB_PER_MM * depth_mm


def _speckle(rng: np.random.Generator, echo_db: Field) -> Field:
    """Envelope of random scatterers' echoes, about Rayleigh distributed: float64 as `echo_db`, above 0."""
    import numpy as np
    from scipy import ndimage

    scatterers = rng.standard_normal(echo_db.shape) + 1j * rng.standard_normal(echo_db.shape)
    echoes = scatterers * np.power(10.0, echo_db / 20)
    near, far = (_point_spread(echoes, lateral_mm) for lateral_mm in LATERAL_RESOLUTION_MM)
    share = np.linspace(0.0, 1.0, echo_db.shape[0])[:, None]  # the beam widens with the depth
    envelope = np.abs((1 - share) * near + share * far)
    return ndimage.gaussian_filter(envelope, 0.6) + 1e-6


def _point_spread(echoes: NDArray[np.complex128], lateral_mm: float) -> NDArray[np.complex128]:
    """Blurs to the resolution of the scanner and keeps the mean power of independent scatterers."""
    import numpy as np
    from scipy import ndimage

    axial, lateral = AXIAL_RESOLUTION_MM / PIXEL_MM, lateral_mm / PIXEL_MM
    return ndimage.gaussian_filter(echoes, (axial, lateral)) * np.sqrt(4 * np.pi * axial * lateral)


def _compress(rng: np.random.Generator, level_db: Field) -> NDArray[np.uint8]:
    """Log compression as on a scanner: uint8 as `level_db`, 0 to 255.

    The operator sets gain and dynamic range by the look of the whole image, so that neither mean brightness
    nor contrast tells the class.
    """
    import numpy as np

    mean, contrast = rng.uniform(0.32, 0.46), rng.uniform(0.13, 0.19)
    brightness = mean + contrast * (level_db - level_db.mean()) / level_db.std()
    return np.round(255 * np.clip(brightness, 0.0, 1.0)).astype(np.uint8)


DATASET: Final = DatasetSpec(
    name="synthetic",
    title="Synthetic ultrasound phantoms: good for nothing but trying the machinery, no clinical meaning",
    modality=ULTRASOUND,
    source="generated on this machine from a seed; no patient was ever involved",
    layout=f"<class>/patient-NNNN_image-N.png, with class one of {', '.join(LABELS)}",
    labels=LABELS,
    positive_label=MALIGNANT,
    find_records=find_records,
    generate=generate,
)
