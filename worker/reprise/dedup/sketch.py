"""Bottom-k sketches: the k smallest shingle hashes of a text, ascending, a uniform sample of its shingles.

signature.py has the source of the sketch. Below its reach, a sketch holds every shingle of its text.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.signature import SKETCH_BITS
from reprise.model import Signature

#: Lowest bit of a sampled hash: set if its shingle contains a digit; see dedup/text/shingles.py.
FIGURE: Final = np.uint32(1)

Sketch = NDArray[np.uint32]


def sketch_of(signature: Signature) -> Sketch:
    """Return the sketch of a signature as an array of ascending hashes; shares its memory."""
    return np.frombuffer(signature.sketch, dtype="<u4")


def reach_of(sketch: Sketch, shingle_count: int) -> int:
    """Return the bound below which a sketch holds every shingle of its text. A text without shingles has no bound."""
    return int(sketch[-1]) + 1 if 0 < len(sketch) < shingle_count else 1 << SKETCH_BITS
