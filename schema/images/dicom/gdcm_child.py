"""A program that decodes one frame by GDCM: from standard input to standard output, with its shape as arguments.

GDCM ends the process, or never comes back, on some damaged frames; so it has a process of its own. It starts for
every frame, and therefore imports nothing else.
"""

import resource
import sys
from collections.abc import Sequence

import gdcm  # type: ignore[import-untyped]


def main(numbers: Sequence[int], photometric: str, syntax: str) -> None:
    """Args: numbers: rows, columns, samples, bits allocated and stored, and the pixel representation."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the image
    rows, columns, samples, allocated, stored, representation = numbers
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(_pixel_data(sys.stdin.buffer.read()))
    interpretation = gdcm.PhotometricInterpretation.GetPIType(photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(interpretation))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, stored, stored - 1, representation))
    # GDCM's bytes come as text.
    sys.stdout.buffer.write(image.GetBuffer().encode("utf-8", "surrogateescape"))


def _pixel_data(frame: bytes) -> gdcm.DataElement:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:7]], *sys.argv[7:])
