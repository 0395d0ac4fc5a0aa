"""The records of the candidates of a batch, and the cache of a namespace's records."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from reprise.dedup.rule import Rule
from reprise.index.decide import list_candidates
from reprise.index.redis.codec import Keyspace, LookupReply, margin_ms
from reprise.index.redis.records import StoredRecord, unpack_record

#: Maximum cached records of a namespace, some 1.5 KB each. Those of a popular story are not sent and unpacked again.
_CACHED_RECORDS: Final = 4_096


class CandidateRecords:
    """The records of the candidates of a batch.

    command  the MGET of the records that are not cached; None if all are cached
    """

    def __init__(
        self,
        keyspace: Keyspace,
        cache: OrderedDict[int, StoredRecord],
        replies: Iterable[LookupReply],
        rule: Rule,
        now_ms: int,
        load: Callable[[int], bytes | None],
    ) -> None:
        """List the candidates of a batch.

        cache  records of the namespace by number, the least recently used first; it outlives the batch
        load   read the record of a number from Redis at once; None if it does not exist
        """
        self._keyspace = keyspace
        self._cache = cache
        self._load = load
        wanted: dict[int, None] = {}
        for reply in replies:
            if reply.copy:
                self._keep(*reply.copy)
            wanted |= dict.fromkeys(list_candidates(reply.lookup, rule, keyspace.retention, now_ms))
        # The fields of a record that decisions use never change, so that a cached one is current.
        self._missing = [number for number in wanted if number not in self._cache]
        #: numbers whose records were asked for
        self._wanted = set(wanted)
        names = [f"{self._keyspace.prefix}r:{number}" for number in self._missing]
        self.command = ("MGET", *names) if names else None

    def add(self, records: Sequence[bytes | None]) -> None:
        """Add the records that `command` returned; None for a record that does not exist."""
        for number, packed in zip(self._missing, records, strict=True):
            if packed is None:
                self._cache.pop(number, None)
            else:
                self._keep(number, packed)

    def get(self, number: int) -> StoredRecord | None:
        """Return a record; None if it does not exist.

        An article of the batch may turn buckets into stock phrases. Later articles of the batch then have candidates
        that their lookups did not list. Their records are read one by one.
        """
        if number not in self._cache and number not in self._wanted:
            self._wanted.add(number)
            if packed := self._load(number):
                self._keep(number, packed)
        record = self._cache.get(number)
        if record:
            self._cache.move_to_end(number)
        return record

    def renew(self, number: int, now_ms: int) -> bytes:
        """Return the shards of the bands of a match if their times to live must be renewed, else none.

        They are renewed half a margin after the last renewal. The other half of the margin is left after the last
        match, so that the buckets outlive their entries even if no other article is added to them.
        """
        record = self._cache.get(number)
        if record is None or now_ms - record.renewed_ms <= margin_ms(self._keyspace.retention) / 2:
            return b""
        self._cache[number] = replace(record, renewed_ms=now_ms)
        return record.shards

    def trim(self) -> None:
        """Evict the least recently used records until the cache is within its bound."""
        while len(self._cache) > _CACHED_RECORDS:
            self._cache.popitem(last=False)

    def _keep(self, number: int, packed: bytes) -> None:
        keyspace = self._keyspace
        self._cache[number] = unpack_record(number, packed, bands=keyspace.bands, shards=keyspace.shards)
        self._cache.move_to_end(number)
