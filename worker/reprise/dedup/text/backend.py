"""Choose the implementation of the text step: native code if it is installed, else numpy.

Both return the same fingerprints, bit for bit. The numpy code is the reference. The native code (worker/native, in
Rust) is optional, because building it needs a Rust compiler.
"""

from enum import StrEnum
from typing import Final

from reprise.dedup.text.version import TEXT_VERSION


class TextBackend(StrEnum):
    """The implementations of the text step. A closed set: the value is a label of a metric."""

    NATIVE = "native"
    NUMPY = "numpy"


def choose_backend() -> TextBackend:
    """Return the native backend if its module is installed and was built for this version of the text step."""
    try:
        from reprise.dedup.text import _native  # noqa: PLC0415 - an optional module
    except ImportError:
        return TextBackend.NUMPY
    return TextBackend.NATIVE if _native.TEXT_VERSION == TEXT_VERSION else TextBackend.NUMPY


#: The implementation that this process uses.
TEXT_BACKEND: Final = choose_backend()
