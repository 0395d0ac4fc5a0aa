"""Measure whether Redis returns to its initial memory after a window without traffic, while the worker runs."""

import time
from contextlib import suppress
from typing import Final

import redis

from deploy.local.stack import wait_until
from tests.bench.goals.results import Expiry
from tests.bench.goals.run_resources import await_delivered, await_ready, open_run_resources, preload
from tests.bench.goals.servers import BenchmarkServers, open_fresh_redis
from tests.bench.goals.stream import make_stream
from tests.bench.goals.systems import is_ready, run_workers

#: window and replay retention in seconds; short, to keep the run short
_WINDOW_SECONDS: Final = 30.0

#: seconds after the last event until Redis must be back: three windows, because keys live longer than the window by a
#: margin, and the keys of the namespace live for both retentions
_TIMEOUT_SECONDS: Final = 3 * _WINDOW_SECONDS

#: largest remaining growth, as a share of the initial memory; the buffers of a server vary by as much
_MAX_GROWTH: Final = 0.01


def measure(servers: BenchmarkServers, articles: int) -> Expiry:
    """Fill an index in a new Redis, and wait until its keys expire."""
    messages = make_stream(articles, seed=3).messages
    window = str(_WINDOW_SECONDS)
    with (
        open_fresh_redis(servers.plan) as url,
        redis.Redis.from_url(url) as client,
        open_run_resources(servers) as resources,
    ):
        # The first article allocates memory that belongs to no article: scripts, buffers, the first key of each kind.
        preload(resources, messages[:1])
        with run_workers(resources, ["worker"], REDIS_URL=url, WINDOW_SECONDS=window, REPLAY_SECONDS=window) as workers:
            await_ready(workers, is_ready)
            await_delivered(resources, 1, workers)
            before = _used_memory(client)
            preload(resources, messages[1:])
            await_delivered(resources, articles, workers)
            last_event, full = time.monotonic(), _used_memory(client)
            seconds = None
            with suppress(TimeoutError):
                wait_until(
                    lambda: _used_memory(client) <= (1 + _MAX_GROWTH) * before, _TIMEOUT_SECONDS, "expiry of the keys"
                )
                seconds = time.monotonic() - last_event
            left = _used_memory(client)
    return Expiry(
        window_seconds=_WINDOW_SECONDS,
        near_share=_MAX_GROWTH,
        articles=articles,
        before_bytes=before,
        full_bytes=full,
        left_bytes=left,
        back_seconds=seconds,
    )


def _used_memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])
