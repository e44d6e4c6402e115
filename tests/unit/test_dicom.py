"""DICOM files: what they show, computed by hand; the facts of their headers; and that nothing else gets out."""

import logging
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing
from pydicom.sr.codedict import codes

from schema import contract
from schema.images.dicom import gdcm_plugin
from schema.images.formats import ImageFacts, UnreadableImageError, encode_png, read_image, read_pages
from tests import images

MARKER = "DOE^JANE-4711"
BIRTH = "19491231"
HEIGHT, WIDTH = 37, 40  # OpenJPEG writes nothing below 32
PIXELS_12 = images.noise(HEIGHT, WIDTH, values=4096)


def _shown(data: bytes) -> NDArray[Any]:
    return read_image(data).pixels


def _refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        list(read_pages(data))
    return str(caught.value)


def _full(shares: Any, bits: int) -> NDArray[Any]:
    """Shares of the brightness as the values of 8 or 16 bits."""
    return np.rint(np.asarray(shares) * (255 if bits <= 8 else 65535)).astype(np.uint8 if bits <= 8 else np.uint16)


def _linear(values: NDArray[Any], center: float, width: float) -> NDArray[Any]:
    """The standard's LINEAR function, value by value, in [0, 1]."""

    def share(value: float) -> float:
        if value <= center - 0.5 - (width - 1) / 2:
            return 0.0
        if value > center - 0.5 + (width - 1) / 2:
            return 1.0
        return (value - (center - 0.5)) / (width - 1) + 0.5

    return np.vectorize(share, otypes=[float])(values)


# Without a window: the range of the stored bits


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("signed", [False, True])
def test_the_range_of_the_stored_bits_fills_the_type(bits: int, signed: bool) -> None:
    values = images.noise(9, 12, values=2**bits)
    values[0, :2] = 0, 2**bits - 1
    stored = values.astype(np.uint8 if bits == 8 else np.uint16)
    if signed:
        stored = (values.astype(np.int32) - 2 ** (bits - 1)).astype(np.int8 if bits == 8 else np.int16)

    image = read_image(images.dicom(stored, bits=bits))

    expected = _full(values / (2**bits - 1), bits)
    assert image.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.bit_depth == bits


def test_few_bits_in_a_word_of_16_give_8() -> None:
    values = images.noise(9, 12, values=64).astype(np.uint16)

    np.testing.assert_array_equal(_shown(images.dicom(values, bits=6)), _full(values / 63, 6))


def test_what_is_in_unused_bits_does_not_matter() -> None:
    overlay = images.noise(HEIGHT, WIDTH, seed=1, values=16).astype(np.uint16) << 12

    np.testing.assert_array_equal(
        _shown(images.dicom(PIXELS_12 | overlay, bits=12)), _shown(images.dicom(PIXELS_12, bits=12))
    )


def test_the_lowest_value_is_white_in_monochrome1() -> None:
    np.testing.assert_array_equal(
        _shown(images.dicom(PIXELS_12, bits=12, photometric="MONOCHROME1")), _full((4095 - PIXELS_12) / 4095, 12)
    )


# Modality, window, inversion


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, -1000), (0.5, 10), (0.001, 0.25)])
def test_without_a_window_a_rising_rescale_changes_nothing(slope: float, intercept: float) -> None:
    file = images.dicom(PIXELS_12, bits=12, RescaleSlope=slope, RescaleIntercept=intercept)

    assert np.abs(_shown(file).astype(int) - _full(PIXELS_12 / 4095, 12)).max() <= 1


def test_a_falling_rescale_inverts() -> None:
    file = images.dicom(PIXELS_12, bits=12, RescaleSlope=-1, RescaleIntercept=0)

    np.testing.assert_array_equal(_shown(file), _full(1 - PIXELS_12 / 4095, 12))


@pytest.mark.parametrize(
    ("center", "width"), [(2048, 4096), (1000, 500), (10, 1), (-50, 300), (4000, 3000), (0.5, 2)]
)
def test_linear_window(center: float, width: float) -> None:
    file = images.dicom(PIXELS_12, bits=12, WindowCenter=center, WindowWidth=width)

    np.testing.assert_array_equal(_shown(file), _full(_linear(PIXELS_12, center, width), 12))


def test_linear_exact_window_and_sigmoid() -> None:
    exact = images.dicom(PIXELS_12, bits=12, WindowCenter=2000, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT")
    wide = images.dicom(PIXELS_12, bits=12, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")
    sigmoid = images.dicom(PIXELS_12, bits=12, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID")
    share = np.vectorize(lambda value: 1 / (1 + math.exp(-4 * (float(value) - 2000) / 1000)))

    np.testing.assert_array_equal(_shown(exact), _full(np.clip((PIXELS_12 - 2000.0) / 0.5 + 0.5, 0, 1), 12))
    np.testing.assert_array_equal(_shown(wide), _full(np.clip((PIXELS_12 - 2000.0) / 1000 + 0.5, 0, 1), 12))
    np.testing.assert_array_equal(_shown(sigmoid), _full(share(PIXELS_12), 12))


def test_the_window_applies_to_what_the_rescale_gives() -> None:
    """Stored values from 0 to 255, rescaled to -1000 to 1040: a window on those sees nothing in the stored ones."""
    values = images.noise(9, 12)
    file = images.dicom(values, RescaleSlope=8, RescaleIntercept=-1000, WindowCenter=-500, WindowWidth=400)

    np.testing.assert_array_equal(_shown(file), _full(_linear(values * 8.0 - 1000, -500, 400), 8))


def test_inversion_comes_last() -> None:
    """Before the window it would show something else, because the window is not in the middle of the range."""
    settings_ = {"WindowCenter": 1000, "WindowWidth": 600, "RescaleSlope": 1, "RescaleIntercept": -100}
    file = images.dicom(PIXELS_12, bits=12, photometric="MONOCHROME1", **settings_)
    windowed = _linear(PIXELS_12 - 100.0, 1000, 600)
    inverted_first = _linear(4095 - PIXELS_12 - 100.0, 1000, 600)

    np.testing.assert_array_equal(_shown(file), _full(1 - windowed, 12))
    assert np.abs(_shown(file) - _full(inverted_first, 12).astype(float)).mean() > 20_000


def test_negative_values_in_a_window() -> None:
    signed = (PIXELS_12.astype(np.int32) - 2048).astype(np.int16)
    file = images.dicom(signed, bits=12, WindowCenter=-600, WindowWidth=900)

    np.testing.assert_array_equal(_shown(file), _full(_linear(signed, -600, 900), 12))


def test_the_first_of_several_windows_is_taken() -> None:
    several = images.dicom(PIXELS_12, bits=12, WindowCenter=[1000, 3000], WindowWidth=[500, 100])
    one = images.dicom(PIXELS_12, bits=12, WindowCenter=1000, WindowWidth=500)

    np.testing.assert_array_equal(_shown(several), _shown(one))


@settings(max_examples=60)
@given(
    center=st.floats(-5000, 5000).map(lambda number: round(number, 3)),
    width=st.floats(1, 8000).map(lambda number: round(number, 3)),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    signed=st.booleans(),
    white=st.booleans(),
    rescale=st.one_of(st.none(), st.tuples(st.sampled_from([0.5, 1, 3]), st.integers(-2000, 2000))),
)
def test_a_window_shows_what_pydicom_shows(
    center: float, width: float, function: str, signed: bool, white: bool, rescale: tuple[float, int] | None
) -> None:
    stored = (PIXELS_12.astype(np.int32) - 2048).astype(np.int16) if signed else PIXELS_12
    elements: dict[str, Any] = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}
    if rescale:
        elements |= {"RescaleSlope": rescale[0], "RescaleIntercept": rescale[1]}
    file = images.dicom(stored, bits=12, photometric="MONOCHROME1" if white else "MONOCHROME2", **elements)
    dataset = pydicom.dcmread(BytesIO(file))
    slope, intercept = rescale or (1, 0)
    lowest, highest = (-2048, 2047) if signed else (0, 4095)
    with np.errstate(over="ignore"):
        windowed = apply_windowing(stored * float(slope) + intercept, dataset)
    shares = (windowed - (lowest * slope + intercept)) / ((highest - lowest) * slope)

    difference = _shown(file).astype(int) - _full(1 - shares if white else shares, 12)

    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("first", [0, 100, -20])
def test_modality_lookup_table(bits: int, first: int) -> None:
    entries = images.noise(200, seed=3, values=2**bits).astype(np.uint16)
    item = images.lookup_table(entries.tolist(), first, bits)
    item.ModalityLUTType = "US"
    values = images.noise(9, 12, values=400)
    expected = entries[np.clip(values.astype(int) - first, 0, 199)]

    file = images.dicom(values.astype(np.uint16), bits=12, ModalityLUTSequence=[item])
    windowed = images.dicom(
        values.astype(np.uint16), bits=12, ModalityLUTSequence=[item], WindowCenter=100, WindowWidth=90
    )

    np.testing.assert_array_equal(_shown(file), _full(expected / (2**bits - 1), 12))
    np.testing.assert_array_equal(_shown(windowed), _full(_linear(expected, 100, 90), 12))


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_window_lookup_table_wins_over_a_window_and_applies_to_rescaled_values(bits: int) -> None:
    entries = np.sort(images.noise(1500, seed=3, values=2**bits)).astype(np.uint16)
    item = images.lookup_table(entries.tolist(), -500, bits)
    elements = {"RescaleSlope": 0.5, "RescaleIntercept": -600, "WindowCenter": 10, "WindowWidth": 5}

    file = images.dicom(PIXELS_12, bits=12, VOILUTSequence=[item], **elements)

    rescaled = np.rint(PIXELS_12 * 0.5 - 600).astype(int)
    np.testing.assert_array_equal(_shown(file), _full(entries[np.clip(rescaled + 500, 0, 1499)] / (2**bits - 1), 12))


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_lookup_table_of_bytes_in_every_byte_order(syntax: uid.UID) -> None:
    entries = np.arange(0, 65536, 16)
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    item.add_new("LUTData", "OW", entries.astype(f"{order}u2").tobytes())

    file = images.dicom(PIXELS_12, bits=12, syntax=syntax, VOILUTSequence=[item])

    np.testing.assert_array_equal(_shown(file), PIXELS_12 * 16)


def test_settings_of_functional_groups_hold_for_their_frames() -> None:
    frames = np.stack([PIXELS_12, PIXELS_12])
    window = [_group("FrameVOILUTSequence", WindowCenter=center, WindowWidth=500) for center in (1000, 3000)]
    shared = [_group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-1000, RescaleType="US")]

    file = images.dicom(
        frames,
        frames=2,
        bits=12,
        PerFrameFunctionalGroupsSequence=window,
        SharedFunctionalGroupsSequence=shared,
        WindowCenter=1,
        WindowWidth=2,
    )

    for page, center in zip(read_pages(file), (1000, 3000), strict=True):
        np.testing.assert_array_equal(page.pixels, _full(_linear(PIXELS_12 * 2.0 - 1000, center, 500), 12))


def _group(sequence: str, **elements: Any) -> Dataset:
    item, group = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(group, sequence, [item])
    return group


# Padding


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(photometric: str) -> None:
    values = PIXELS_12.copy()
    values[:5] = 77
    plain = _shown(images.dicom(values, bits=12, photometric=photometric))
    file = images.dicom(values, bits=12, photometric=photometric, PixelPaddingValue=77)

    np.testing.assert_array_equal(_shown(file), np.where(values == 77, 0, plain))


@pytest.mark.parametrize(("value", "limit"), [(-2048, -2000), (-2000, -2048)])
def test_a_range_of_padding_is_black(value: int, limit: int) -> None:
    signed = (PIXELS_12.astype(np.int32) - 2048).astype(np.int16)
    signed[:5] = -2001
    file = images.dicom(
        signed, bits=12, photometric="MONOCHROME1", PixelPaddingValue=value, PixelPaddingRangeLimit=limit
    )
    expected = np.where(signed <= -2000, 0, _shown(images.dicom(signed, bits=12, photometric="MONOCHROME1")))

    np.testing.assert_array_equal(_shown(file), expected)


# Colour


def _palette(channels: NDArray[Any], first: int, bits: int) -> dict[str, Any]:
    elements: dict[str, Any] = {}
    for name, entries in zip(("Red", "Green", "Blue"), channels, strict=True):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [len(entries) % 2**16, first, bits]
        elements[f"{name}PaletteColorLookupTableData"] = entries.astype("<u1" if bits == 8 else "<u2").tobytes()
    return elements


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("first", [0, 10])
def test_palette(bits: int, first: int) -> None:
    channels = images.noise(3, 200, seed=5, values=2**bits)
    indices = images.noise(9, 12)
    eight_bits = (channels >> (bits - 8)).astype(np.uint8)
    expected = eight_bits[:, np.clip(indices.astype(int) - first, 0, 199)].transpose(1, 2, 0)

    image = read_image(images.dicom(indices, photometric="PALETTE COLOR", **_palette(channels, first, bits)))

    assert image.pixels.dtype == np.uint8
    np.testing.assert_array_equal(image.pixels, expected)


def test_palette_of_greys_is_grey() -> None:
    indices, greys = images.noise(9, 12), images.noise(256, seed=1)
    file = images.dicom(indices, photometric="PALETTE COLOR", **_palette(np.stack([greys] * 3), 0, 8))

    np.testing.assert_array_equal(_shown(file), greys[indices])


def test_rgb() -> None:
    rgb, grey = images.noise(9, 12, 3), images.noise(9, 12)

    np.testing.assert_array_equal(_shown(images.dicom(rgb, photometric="RGB")), rgb)
    np.testing.assert_array_equal(_shown(images.dicom(np.stack([grey] * 3, axis=-1), photometric="RGB")), grey)
    planes = images.dicom(
        np.ascontiguousarray(rgb.transpose(2, 0, 1)).reshape(9, 12, 3), photometric="RGB", PlanarConfiguration=1
    )
    np.testing.assert_array_equal(_shown(planes), rgb)


def test_rgb_of_16_bits_keeps_all_of_them() -> None:
    rgb = images.noise(9, 12, 3, values=2**16)

    np.testing.assert_array_equal(_shown(images.dicom(rgb, photometric="RGB")), rgb)


def test_ybr_becomes_rgb() -> None:
    ybr = images.noise(9, 12, 3)
    luma, blue, red = (ybr[..., channel].astype(float) for channel in range(3))
    expected = np.stack(
        [
            luma + 1.402 * (red - 128),
            luma - 0.114 * 1.772 / 0.587 * (blue - 128) - 0.299 * 1.402 / 0.587 * (red - 128),
            luma + 1.772 * (blue - 128),
        ],
        axis=-1,
    )

    shown = _shown(images.dicom(ybr, photometric="YBR_FULL"))

    assert np.abs(shown - np.clip(expected, 0, 255)).max() <= 1


# Transfer syntaxes

LOSSLESS_BY_GDCM = [uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless]
LOSSLESS = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEG2000Lossless,
    *LOSSLESS_BY_GDCM,
]
SIGNED_12 = (PIXELS_12.astype(np.int32) - 2048).astype(np.int16)


def _stored_as(syntax: uid.UID, pixels: NDArray[Any], **elements: Any) -> bytes:
    if syntax in LOSSLESS_BY_GDCM or syntax in (uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000):
        return images.transcoded(images.dicom(pixels, **elements), syntax)
    return images.dicom(pixels, syntax=syntax, **elements)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize(
    ("pixels", "elements"),
    [
        (images.noise(HEIGHT, WIDTH), {}),
        (PIXELS_12, {"bits": 12, "WindowCenter": 1000, "WindowWidth": 900}),
        (SIGNED_12, {"bits": 12, "photometric": "MONOCHROME1"}),
        (images.noise(HEIGHT, WIDTH, values=2**16), {}),
        (images.noise(HEIGHT, WIDTH, 3), {"photometric": "RGB"}),
    ],
    ids=["8", "12", "12 signed", "16", "rgb"],
)
def test_lossless_transfer_syntaxes_show_the_same(
    syntax: uid.UID, pixels: NDArray[Any], elements: dict[str, Any]
) -> None:
    file = _stored_as(syntax, pixels, **elements)

    assert pydicom.dcmread(BytesIO(file)).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(_shown(file), _shown(images.dicom(pixels, **elements)))


@pytest.mark.parametrize("syntax", [uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000])
def test_lossy_transfer_syntaxes_show_nearly_the_same(syntax: uid.UID) -> None:
    smooth = (np.add.outer(np.arange(HEIGHT) * 40, np.arange(WIDTH) * 50)).astype(np.uint16)

    image = read_image(_stored_as(syntax, smooth, bits=12))

    assert image.bit_depth == 12
    assert np.abs(image.pixels - smooth * (65535 / 4095)).max() <= 2 * 65535 / 4095


@pytest.mark.parametrize("shape", [(40, 48), (40, 48, 3)])
def test_jpeg_baseline(shape: tuple[int, ...]) -> None:
    pixels = images.blocks(*shape)
    jpeg = images.encode(pixels, "JPEG", quality=95, **({"subsampling": 0} if len(shape) == 3 else {}))
    photometric = "YBR_FULL" if len(shape) == 3 else "MONOCHROME2"

    shown = _shown(images.dicom(pixels, photometric=photometric, syntax=uid.JPEGBaseline8Bit, encoded=[jpeg]))

    assert np.abs(shown.astype(int) - pixels).max() <= 3


def test_every_compressed_frame_is_read_and_no_more() -> None:
    frames = images.noise(3, HEIGHT, WIDTH, values=2**16)

    for syntax in (uid.RLELossless, uid.JPEG2000Lossless):
        pages = [page.pixels for page in read_pages(images.dicom(frames, frames=3, syntax=syntax))]
        np.testing.assert_array_equal(pages, frames)


def test_frames_of_the_other_process() -> None:
    frames = images.noise(2, HEIGHT, WIDTH, values=2**16)

    file = images.transcoded(images.dicom(frames, frames=2), uid.JPEGLosslessSV1)

    np.testing.assert_array_equal([page.pixels for page in read_pages(file)], frames)


@pytest.mark.parametrize(
    "program",
    ["import os; os.abort()", "import time; time.sleep(60)", "import sys; sys.exit(1)", "print('too little')"],
    ids=["crash", "hang", "failure", "wrong length"],
)
def test_a_decoder_that_dies_or_hangs_takes_nothing_with_it(
    program: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(program)
    monkeypatch.setattr(gdcm_plugin, "_CHILD", str(child))
    monkeypatch.setattr(gdcm_plugin, "_TIMEOUT_SECONDS", 2)

    file = images.transcoded(images.dicom(PIXELS_12, bits=12), uid.JPEGLosslessSV1)

    assert _refusal(file) == "the DICOM file is damaged or truncated"


# Facts


@pytest.mark.parametrize(
    ("elements", "facts"),
    [
        ({}, ImageFacts()),
        ({"ViewPosition": "MLO", "ImageLaterality": "L"}, ImageFacts(view="MLO", side="left")),
        ({"ViewPosition": "cc ", "Laterality": "R"}, ImageFacts(view="CC", side="right")),
        ({"ImageLaterality": "R", "Laterality": "L"}, ImageFacts(side="right")),
        ({"ImageLaterality": "B"}, ImageFacts()),
        ({"ViewPosition": "AP"}, ImageFacts()),
        ({"ViewPosition": MARKER}, ImageFacts()),
        ({"PatientID": "  "}, ImageFacts()),
    ],
)
def test_facts(elements: dict[str, str], facts: ImageFacts) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = images.dicom(images.noise(9, 12), **elements)

    assert read_image(file).facts == facts


@pytest.mark.parametrize(
    ("code", "view"),
    [
        (codes.SCT.CranioCaudal, "CC"),
        (codes.SCT.MedioLateralObliqueProjection, "MLO"),
        (codes.SCT.MedioLateralProjection, "ML"),
        (codes.SCT.LateroMedial, "LM"),
        (codes.SCT.LateroMedialOblique, "LMO"),
        (codes.SCT.CranioCaudalExaggeratedLaterally, "XCCL"),
        (codes.SCT.CranioCaudalExaggeratedMedially, "XCCM"),
        (codes.SCT.CaudoCranial, "FB"),
        (codes.SCT.SuperolateralToInferomedialOblique, "SIO"),
        (codes.SCT.InferomedialToSuperolateralOblique, "ISO"),
        (codes.SCT.TissueSpecimenFromBreast, ""),
    ],
)
def test_view_of_a_code(code: Any, view: str) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, "SCT", MARKER

    assert read_image(images.dicom(images.noise(9, 12), ViewCodeSequence=[item])).facts.view == view


def test_view_of_an_old_code() -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "R-10226", "SRT"

    assert read_image(images.dicom(images.noise(9, 12), ViewCodeSequence=[item])).facts.view == "MLO"


def _pseudonym(**elements: str) -> str:
    return read_image(images.dicom(images.noise(9, 12), **elements)).facts.patient


def test_a_pseudonym_is_equal_for_equal_identifiers_alone() -> None:
    pseudonym = _pseudonym(PatientID="4711")

    assert pseudonym == _pseudonym(PatientID="4711 ", PatientName="Another^Name")
    assert pseudonym == _pseudonym(PatientID=" 4711", StudyDate="20240101")
    others = {
        pseudonym,
        _pseudonym(PatientID="4712"),
        _pseudonym(PatientID="4711", IssuerOfPatientID="Hospital"),
        _pseudonym(PatientID="1", IssuerOfPatientID="471"),
        _pseudonym(PatientID="11", IssuerOfPatientID="47"),
    }
    assert len(others) == 5


@settings(max_examples=30)
@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30))
def test_a_pseudonym_has_one_form(identifier: str) -> None:
    pseudonym = _pseudonym(PatientID=identifier)

    start, digits = pseudonym.split("-")
    assert (start, len(digits)) == ("patient", 16)
    assert int(digits, 16) >= 0
    assert len(identifier) < 4 or identifier not in pseudonym


# What identifies someone


def _identified(pixels: NDArray[Any] = PIXELS_12, **settings_: Any) -> bytes:
    person = {
        "PatientName": MARKER,
        "PatientID": MARKER,
        "PatientBirthDate": BIRTH,
        "OtherPatientIDs": MARKER,
        "InstitutionName": MARKER,
        "ReferringPhysicianName": MARKER,
        "StationName": MARKER,
        "StudyDescription": MARKER,
    }
    return images.dicom(pixels, **(person | settings_))


def test_nothing_that_identifies_survives() -> None:
    file = _identified(bits=12)
    assert file.count(MARKER.encode()) == 7
    image = read_image(file)

    written = encode_png(image.pixels)

    for secret in (MARKER, BIRTH):
        assert secret.encode() not in written
        assert secret not in repr(image.facts)
    assert images.png_chunk_names(written)[0] == b"IHDR"
    assert set(images.png_chunk_names(written)[1:-1]) == {b"IDAT"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"PixelData": None}, "the DICOM file holds no pixels"),
    ({"PhotometricInterpretation": None}, "photometric interpretation that is not supported"),
    ({"PhotometricInterpretation": MARKER}, "photometric interpretation that is not supported"),
    ({"PhotometricInterpretation": "HSV"}, "photometric interpretation that is not supported"),
    ({"PhotometricInterpretation": "RGB"}, "SamplesPerPixel contradicts"),
    ({"PhotometricInterpretation": "PALETTE COLOR"}, "no usable RedPaletteColorLookupTableData"),
    ({"SamplesPerPixel": 3}, "SamplesPerPixel contradicts"),
    ({"Rows": None}, "no usable Rows"),
    ({"Rows": 0}, f"the image has {WIDTH}x0 pixels"),
    ({"Rows": HEIGHT + 1}, "damaged or truncated"),
    ({"Columns": 65535, "Rows": 65535}, "more than the limit of"),
    ({"NumberOfFrames": 1001}, "more than 1000 images"),
    ({"NumberOfFrames": -1}, "holds no image"),
    ({"NumberOfFrames": 2}, "damaged or truncated"),
    ({"BitsAllocated": 32}, "12 of 32 bits are not supported"),
    ({"BitsStored": 0}, "0 of 16 bits are not supported"),
    ({"BitsStored": 17}, "17 of 16 bits are not supported"),
    ({"HighBit": 15}, "other bits than the lowest"),
    ({"FloatPixelData": b"\0" * 16}, "floating-point pixels are not supported"),
    ({"WindowCenter": 5, "WindowWidth": 0}, "WindowWidth is too small"),
    ({"WindowCenter": 5, "WindowWidth": 0.5}, "WindowWidth is too small"),
    ({"WindowCenter": 5, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"}, "WindowWidth is too small"),
    ({"WindowCenter": 5, "WindowWidth": 9, "VOILUTFunction": MARKER}, "VOILUTFunction is not supported"),
    ({"WindowCenter": 1e300, "WindowWidth": 9}, "out of all bounds"),
    ({"RescaleSlope": 0, "RescaleIntercept": 1}, "RescaleSlope is 0"),
    ({"VOILUTSequence": [images.lookup_table([1, 2, 3], 0, 7)]}, "LUTDescriptor that is not supported"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_refusals_name_the_reason_and_nobody(
    change: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = _identified(bits=12, **change)
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    capfd.readouterr()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = _refusal(file)

    assert reason in message
    printed = capfd.readouterr()
    for text in (message, caplog.text, printed.out, printed.err):
        assert MARKER not in text


def test_a_traceback_of_a_refusal_holds_no_word_of_the_decoder() -> None:
    with pytest.raises(UnreadableImageError) as caught:
        read_image(_identified(bits=12)[:-100])

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unknown_transfer_syntax_is_refused() -> None:
    dataset = pydicom.dcmread(BytesIO(_identified(bits=12)))
    dataset.file_meta.TransferSyntaxUID = "1.2.3"
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)

    assert _refusal(buffer.getvalue()) == "the DICOM file has a transfer syntax that is not supported"


def test_videos_are_refused() -> None:
    file = images.dicom(images.noise(9, 12), syntax=uid.MPEG2MPML, encoded=[bytes(100)])

    assert _refusal(file) == "the DICOM file has a transfer syntax that is not supported"


def test_a_missing_transfer_syntax_is_refused() -> None:
    dataset = pydicom.dcmread(BytesIO(_identified(bits=12)))
    del dataset.file_meta.TransferSyntaxUID
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)

    assert _refusal(buffer.getvalue()) == "the DICOM file names no transfer syntax"


def test_files_without_pixels_are_refused() -> None:
    report = Dataset()
    report.PatientName = MARKER
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID, report.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
    buffer = BytesIO()
    report.save_as(buffer, enforce_file_format=True)

    assert _refusal(buffer.getvalue()) == "the DICOM file holds no pixels"
    assert _refusal(bytes(128) + b"DICM") == "the DICOM file names no transfer syntax"


def _resized_jpeg() -> bytes:
    jpeg = images.encode(images.noise(200, 300), "JPEG")
    return images.dicom(images.noise(HEIGHT, WIDTH), syntax=uid.JPEGBaseline8Bit, encoded=[jpeg])


def _resized_jpeg_2000() -> bytes:
    file = bytearray(images.dicom(PIXELS_12, bits=12, syntax=uid.JPEG2000Lossless))
    size = file.index(b"\xff\x4f\xff\x51") + 8
    file[size : size + 8] = (50_000).to_bytes(4, "big") * 2
    return bytes(file)


def _resized_jpeg_ls() -> bytes:
    file = bytearray(images.transcoded(images.dicom(PIXELS_12, bits=12), uid.JPEGLSLossless))
    size = file.index(b"\xff\xf7") + 5
    file[size : size + 4] = b"\xff\xff\xff\xff"
    return bytes(file)


@pytest.mark.parametrize("make", [_resized_jpeg, _resized_jpeg_2000, _resized_jpeg_ls])
def test_a_frame_that_claims_another_size_is_refused_before_it_is_decoded(make: Callable[[], bytes]) -> None:
    assert _refusal(make()) == "a compressed frame has another size than the DICOM header says"


def test_a_frame_of_another_transfer_syntax_is_refused() -> None:
    jpeg = images.encode(images.noise(HEIGHT, WIDTH), "JPEG")
    file = images.dicom(images.noise(HEIGHT, WIDTH), syntax=uid.JPEG2000, encoded=[jpeg])

    assert _refusal(file) == "a compressed frame is not of the DICOM file's transfer syntax"


def test_a_deflated_file_may_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    file = images.dicom(np.zeros((500, 500), np.uint8), syntax=uid.DeflatedExplicitVRLittleEndian)
    assert len(file) < 10_000
    monkeypatch.setattr(contract, "MAXIMUM_FILE_BYTES", 100_000)

    assert _refusal(file) == "the file has more than 100000 bytes when inflated"


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_a_file_cut_anywhere_is_refused(syntax: uid.UID) -> None:
    file = _stored_as(syntax, PIXELS_12, bits=12)
    step = 997 if syntax in LOSSLESS_BY_GDCM else 61

    for length in range(1, len(file) - 100, step):
        assert _refusal(file[:length])


def test_importing_the_reader_does_not_import_dicom() -> None:
    program = "import sys, schema.images.formats; print('pydicom' in sys.modules, 'cv2' in sys.modules)"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["False", "False"]
