"""A call with a deadline gives its answer, its error, or Unreachable in time."""

import threading
import time

import pytest

from worker.errors import Unreachable
from worker.kafka.deadline import within


def test_answer_and_error_pass_through() -> None:
    """What a call in time gives or raises is what its caller gets."""
    assert within(5, lambda: 42, "counting") == 42
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, "dividing")


def test_late_call_is_left_behind() -> None:
    """Past the deadline the caller is told what was not answered, long before the call ends."""
    never = threading.Event()
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 0.05 s, waiting for nothing"):
        within(0.05, never.wait, "waiting for nothing")
    assert time.monotonic() - began < 5
    never.set()
