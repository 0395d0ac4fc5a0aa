"""Normalisation of hostile texts, in a process of its own since no signal interrupts it."""

import subprocess
import sys

import pytest

from tests.support import REPOSITORY


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0345\u0301\u0334"])
def test_marks_that_normalisation_reorders_take_no_longer(marks: str) -> None:
    """A heap of marks of several combining classes is no bomb: their canonical order is not sorted in quadratic time.

    In a process of its own, since no signal interrupts the normalisation.
    """
    script = (
        "from reprise.dedup.text.tokens import normalise, tokenise\n"
        f"print(len(tokenise(normalise('a' + {marks!a} * (1_000_000 // {len(marks)})))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=20, check=True, cwd=REPOSITORY)
    assert done.stdout == b"1\n"
