"""No markup makes the extraction of a page's text slow or large."""

import contextlib
import resource
import subprocess
import sys
import time

import orjson

from reprise.errors import BadMessage
from reprise.messages.html_text import extract_text
from tests.hostile_html import HOSTILE
from tests.support import REPOSITORY

#: Maximum seconds for one page on a busy machine; the slowest takes about 1 s on an idle one. Markup whose cost is not
#: bounded takes minutes, so the margin hides no fault.
HOSTILE_SECONDS = 10


#: Address space in bytes for all pages, one after the other; reopened formatting without a bound needs over 6 GB.
HOSTILE_BYTES = 2_000_000_000


def test_hostile_markup_is_bounded_in_time_and_memory() -> None:
    """No markup makes the extraction slow, large or crash. A child process runs it, because it may crash."""
    program = "from tests.integration.messages.test_html_text import measure; measure()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] or f"exit code {done.returncode}"
    seconds: dict[str, float] = orjson.loads(done.stdout)
    assert set(seconds) == set(HOSTILE)
    assert {name: took for name, took in seconds.items() if took > HOSTILE_SECONDS} == {}


def measure() -> None:
    """Print the seconds that each hostile page takes, in the child process."""
    resource.setrlimit(resource.RLIMIT_AS, (HOSTILE_BYTES, HOSTILE_BYTES))
    seconds = {}
    for name, build in HOSTILE.items():
        page = build()
        started = time.perf_counter()
        with contextlib.suppress(BadMessage):  # markup beyond a bound is rejected
            extract_text(page)
        seconds[name] = time.perf_counter() - started
    sys.stdout.buffer.write(orjson.dumps(seconds))
