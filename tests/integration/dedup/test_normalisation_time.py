"""Time of normalising hostile texts. A child process runs it, because no signal interrupts the normalisation."""

import subprocess
import sys

import pytest

from tests.support import REPOSITORY


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0345\u0301\u0334"])
def test_reordering_of_marks_is_not_quadratic(marks: str) -> None:
    """A million marks of several combining classes are normalised within seconds."""
    script = (
        "from reprise.dedup.text.normalisation import normalise\n"
        "from reprise.dedup.text.tokens import tokenise\n"
        f"print(len(tokenise(normalise('a' + {marks!a} * (1_000_000 // {len(marks)})))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=20, check=True, cwd=REPOSITORY)
    assert done.stdout == b"1\n"
