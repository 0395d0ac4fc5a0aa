"""The keys, entries and memory of a namespace on a Redis server without other data, for tests and measurements.

Expired entries that are not removed yet are counted, too, because they use memory.
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
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text

#: Retention of the articles of the warm-up. The last ones come when the first have expired, so that a sweep runs.
_WARM_UP_RETENTION: Final = Retention(window_seconds=1, replay_seconds=1)
_NOW_MS: Final = 1_700_000_000_000

#: Keys in one round trip.
_KEYS: Final = 1_000

#: {ns}:VERSION:KIND:... (reprise/index/redis/keys.py). The key with the namespace's metadata has no kind.
_KIND: Final = re.compile(rb"[^}]*\}:[0-9a-f]{6}:([rbavpt]):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The content of a server at one time.

    at            time of the measurement by time.monotonic(), in seconds
    keys          number of keys on the server
    used_bytes    `used_memory` without the buffers of client connections, which vary with the traffic
    entries       kind of key -> its entries: keys for `r`, entries of buckets for `b`, fields for the hashes
    """

    at: float
    keys: int
    used_bytes: int
    entries: Mapping[str, int]


def measure_footprint(client: redis.Redis, namespace: str) -> Footprint:
    """Return the footprint. A key that is removed during the measurement counts as empty."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info("memory")
        pipeline.dbsize()
        memory, keys = pipeline.execute()
    entries: Counter[str] = Counter()
    counted: list[tuple[str, bytes]] = []
    for key in client.scan_iter(match=f"{{{namespace}}}:*", count=_KEYS):
        if (match := _KIND.match(key)) is None:
            continue
        kind = match[1].decode()
        if kind == "r":
            entries[kind] += 1
        else:
            counted.append((kind, key))
    for start in range(0, len(counted), _KEYS):
        part = counted[start : start + _KEYS]
        with client.pipeline(transaction=False) as pipeline:
            for kind, key in part:
                if kind == "b":
                    pipeline.get(key)
                else:
                    pipeline.hlen(key)
            for (kind, _), found in zip(part, pipeline.execute(), strict=True):
                entries[kind] += _count_bucket_entries(found) if kind == "b" else int(found)
    return Footprint(
        at=time.monotonic(),
        keys=int(keys),
        used_bytes=int(memory["used_memory"]) - int(memory["mem_clients_normal"]),
        entries=dict(sorted(entries.items())),
    )


def _count_bucket_entries(shard: bytes | None) -> int:
    """Count the entries of a shard: eight bytes each, whose last byte is not 0; that of the padding is."""
    return sum(last != 0 for last in (shard or b"")[7::8])


def warm_up(url: str) -> None:
    """Allocate the memory that no article uses, such as the scripts and a histogram for each command.

    Afterwards the server is empty. Its slow log is disabled, because that can use 0.2 MB for 128 slow commands.
    """
    with redis.Redis.from_url(url) as client:  # its buffers, which grow with a batch, are freed with it
        client.config_set("slowlog-log-slower-than", -1)
        index = RedisIndex(client, rule=RULE, retention=_WARM_UP_RETENTION, expected_articles=100)
        text = make_text(1, 2, 3, 4)
        articles = [
            make_fingerprint("a", text),
            make_fingerprint("b", edit_words(text, 5)),
            make_fingerprint("a", edit_words(text, 9)),
        ]
        for now_ms in (_NOW_MS, _NOW_MS + 500, _NOW_MS + 2_000):
            index.decide("warm-up", articles, now_ms)
            measure_footprint(client, "warm-up")
        index.size("warm-up")
        client.execute_command("FLUSHALL", "SYNC")  # a lazy flush would still free memory during a measurement
