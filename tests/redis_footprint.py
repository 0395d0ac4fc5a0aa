"""What a namespace occupies, counted from outside in a server that nobody else uses; for tests and measurements.

Everything is counted, expired or not, swept or not: this is about memory, not about what a decision still sees.
"""

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import redis

from reprise.dedup.retention import Retention
from reprise.index.redis.index import RedisIndex
from tests.contract.streams import RULE, article, edited, text_of

#: Of the articles that warm a server up: the last come when the first are too old, so that a sweep removes these.
_WARMING: Final = Retention(window_seconds=1, replay_seconds=1)
_NOW_MS: Final = 1_700_000_000_000

#: Keys asked for in one round trip.
_KEYS: Final = 1_000

#: {ns}:VERSION:KIND:...; the namespace's own key has no such part (reprise/redis_index/keys.py).
_KIND: Final = re.compile(rb"[^}]*\}:[0-9a-f]{6}:([rbavpt]):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """At a time of time.monotonic().

    keys          keys of the server
    used_bytes    its used_memory, without what its clients' connections take: that comes and goes with their traffic
    entries       by kind of key: records of `r`, fields of the hashes
    """

    at: float
    keys: int
    used_bytes: int
    entries: Mapping[str, int]


def look(client: redis.Redis, namespace: str) -> Footprint:
    """Count once. A key that goes meanwhile counts as empty."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info("memory")
        pipeline.dbsize()
        memory, keys = pipeline.execute()
    entries: Counter[str] = Counter()
    hashes: list[tuple[str, bytes]] = []
    for key in client.scan_iter(match=f"{{{namespace}}}:*", count=_KEYS):
        if (found := _KIND.match(key)) is None:
            continue
        kind = found[1].decode()
        if kind == "r":
            entries[kind] += 1
        else:
            hashes.append((kind, key))
    for begin in range(0, len(hashes), _KEYS):
        part = hashes[begin : begin + _KEYS]
        with client.pipeline(transaction=False) as pipeline:
            for _, key in part:
                pipeline.hlen(key)
            for (kind, _), fields in zip(part, pipeline.execute(), strict=True):
                entries[kind] += int(fields)
    return Footprint(
        at=time.monotonic(),
        keys=int(keys),
        used_bytes=int(memory["used_memory"]) - int(memory["mem_clients_normal"]),
        entries=dict(sorted(entries.items())),
    )


def warm_up(url: str) -> None:
    """Leave in an empty server what no article costs: the scripts, a histogram of each command. Empties it again.

    Its slow log is switched off: that keeps the last 128 slow commands with their arguments, 0.2 MB on a busy machine.
    """
    with redis.Redis.from_url(url) as client:  # one of its own: its buffers, which grow with a batch, go with it
        client.config_set("slowlog-log-slower-than", -1)
        index = RedisIndex(client, rule=RULE, retention=_WARMING, expected_articles=100)
        text = text_of(1, 2, 3, 4)
        articles = [article("a", text), article("b", edited(text, 5)), article("a", edited(text, 9))]
        for now_ms in (_NOW_MS, _NOW_MS + 500, _NOW_MS + 2_000):
            index.decide("warming", articles, now_ms)
            look(client, "warming")
        index.size("warming")
        client.execute_command("FLUSHALL", "SYNC")  # a lazy one would go on freeing while we count
