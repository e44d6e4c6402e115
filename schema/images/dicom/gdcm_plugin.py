"""GDCM as a plug-in of pydicom that works in another process: see `gdcm_child`."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from pydicom import uid
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner

NAME: Final = "gdcm in another process"

# What pydicom asks a plug-in for.
DECODER_DEPENDENCIES: Final = dict.fromkeys(
    (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, *uid.JPEGLSTransferSyntaxes), ("gdcm>=3.0.24",)
)

_CHILD: Final = str(Path(__file__).with_name("gdcm_child.py"))
_TIMEOUT_SECONDS: Final = 300  # some hundred times what a mammogram takes


def is_available(syntax: str) -> bool:
    """Whether the plug-in decodes a transfer syntax."""
    return syntax in DECODER_DEPENDENCIES


def register() -> None:
    """Makes the plug-in known to pydicom, which remembers it as long as the process lasts."""
    for syntax in DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if NAME not in decoder.available_plugins:
            decoder.add_plugin(NAME, (__name__, decode_frame.__name__))


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """The samples of one frame, channels side by side. Raises OSError where GDCM fails, or does not end."""
    stored = runner.bits_stored
    if runner.transfer_syntax in uid.JPEGLSTransferSyntaxes:
        # GDCM returns as many bits as the frame has, and its channels side by side.
        stored = runner.get_option("jls_precision", stored)
        runner.set_option("bits_allocated", 8 if stored <= 8 else 16)
        runner.set_option("planar_configuration", 0)
    shape = (runner.rows, runner.columns, runner.samples_per_pixel)
    samples = (runner.bits_allocated, stored, runner.pixel_representation)
    names = (str(runner.photometric_interpretation), str(runner.transfer_syntax))
    command = [sys.executable, "-P", _CHILD, *map(str, (*shape, *samples)), *names]
    try:
        child = subprocess.run(command, input=source, capture_output=True, check=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.SubprocessError as error:
        raise OSError("GDCM failed") from error
    return child.stdout
