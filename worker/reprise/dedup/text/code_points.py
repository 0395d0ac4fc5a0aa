"""Convert text to arrays of code points and back, and limit combining marks so that normalisation is linear."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass, char_classes

#: Maximum marks a character, as in UAX #15's Stream-Safe Text Format; no language needs as many. Canonical ordering of
#: n marks takes n * n steps: a hostile page with a million would block a worker for half an hour.
_MAX_MARKS: Final = 30


def to_code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text, shape (characters,). Lone surrogates are kept."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def from_code_points(points: NDArray[np.uint32]) -> str:
    """Return the text of an array of code points; the inverse of to_code_points."""
    return points.tobytes().decode("utf-32-le", "surrogatepass")


def limit_marks(text: str) -> str:
    """Shorten each run of combining marks to 30 (UAX #15, Stream-Safe Text Format); real text is unchanged."""
    if text.isascii():
        return text
    points = to_code_points(text)
    marks = (char_classes().take(points) & np.uint16(CharClass.MARK)) != 0
    if np.count_nonzero(marks) <= _MAX_MARKS:
        return text
    positions = np.arange(len(points))
    # For each character, the position of the last character up to it that is no mark.
    base = np.maximum.accumulate(np.where(marks, -1, positions))
    kept = positions - base <= _MAX_MARKS
    return text if kept.all() else from_code_points(points[kept])
