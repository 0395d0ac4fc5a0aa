"""Whether Redis is back to where it began when a window is over: without traffic, the worker running."""

import time
from contextlib import suppress
from typing import Final

import redis

from deploy.local.stack import wait_until
from tests.bench.goals.contenders import is_ready, workers
from tests.bench.goals.results import Forgetting
from tests.bench.goals.run_resources import await_delivered, await_ready, open_place, preload
from tests.bench.goals.servers import Servers, fresh_store
from tests.bench.goals.stream import make_stream

#: Seconds of the window and of the replay's retention: short, since somebody waits; the rules are those of a week.
_WINDOW_SECONDS: Final = 30.0

#: Seconds that Redis has after the last event: three windows, for keys live a margin longer, and the namespace's own as
#: long as both retentions.
_PATIENCE_SECONDS: Final = 3 * _WINDOW_SECONDS

#: How near to where it began Redis must come, as a share: a server's own buffers come and go by as much.
_NEAR: Final = 0.01


def measure(servers: Servers, articles: int) -> Forgetting:
    """Fill an index in a Redis of its own and wait."""
    messages = make_stream(articles, seed=3).messages
    window = str(_WINDOW_SECONDS)
    with fresh_store(servers.plan) as url, redis.Redis.from_url(url) as store, open_place(servers) as place:
        preload(place, messages[:1])  # what a worker leaves in any Redis: scripts, buffers, the first key of each kind
        with workers(place, ["worker"], REDIS_URL=url, WINDOW_SECONDS=window, REPLAY_SECONDS=window) as running:
            await_ready(running, is_ready)
            await_delivered(place, 1, running)
            before = _used(store)
            preload(place, messages[1:])
            await_delivered(place, articles, running)
            last, full = time.monotonic(), _used(store)
            back = None
            with suppress(TimeoutError):
                wait_until(
                    lambda: _used(store) <= (1 + _NEAR) * before, _PATIENCE_SECONDS, "a Redis that is as it began"
                )
                back = time.monotonic() - last
            left = _used(store)
    return Forgetting(
        window_seconds=_WINDOW_SECONDS,
        near_share=_NEAR,
        articles=articles,
        before_bytes=before,
        full_bytes=full,
        left_bytes=left,
        back_seconds=back,
    )


def _used(store: redis.Redis) -> int:
    return int(store.info("memory")["used_memory"])
