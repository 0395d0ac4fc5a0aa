"""Text as an array of code points, and back; and the bound on marks that keeps normalisation linear."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import Char, classes

#: Marks that a character may carry: that of UAX #15's Stream-Safe Text Format, which no language comes near. Putting n
#: marks in canonical order takes n * n steps: a hostile page of a million would hold a worker for half an hour.
_MARKS: Final = 30


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a text; lone surrogates stay."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def text_of(points: NDArray[np.uint32]) -> str:
    """Undo `code_points`."""
    return points.tobytes().decode("utf-32-le", "surrogatepass")


def stream_safe(text: str) -> str:
    """Cut each run of marks to the longest that a language needs; any real text comes back as it is."""
    if text.isascii():
        return text
    points = code_points(text)
    marks = (classes().take(points) & np.uint16(Char.MARK)) != 0
    if np.count_nonzero(marks) <= _MARKS:
        return text
    positions = np.arange(len(points))
    base = np.maximum.accumulate(np.where(marks, -1, positions))
    kept = positions - base <= _MARKS
    return text if kept.all() else text_of(points[kept])
