"""The index in Redis or Valkey, a single server or a cluster, shared by any number of workers.

A batch takes three round trips: look up every article, load the records of its candidates, commit every decision. The
commit is optimistic: the script refuses a decision whose buckets, text or article changed since the lookup, and the
worker decides that article again. Some worker commits in every round, so the rounds end.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

import redis
from redis.exceptions import MovedError, NoScriptError, ResponseError

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.version import TEXT_VERSION
from reprise.errors import IndexMismatch, RepriseError, Unreachable
from reprise.index.decide import DecisionContext, as_decision, decide, forgotten_decision, list_candidates
from reprise.index.redis.codec import (
    Argument,
    ArticleKeys,
    CommitRequest,
    Keyspace,
    LookupAnswer,
    article_keys,
    commit_arguments,
    lookup_arguments,
    margin_ms,
    meta_ttl_ms,
    parse_lookup,
    parse_previous,
    previous_arguments,
    sweep_arguments,
)
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.keys import LAYOUT_VERSION, meta_key, prefix, shards_for
from reprise.index.redis.records import StoredRecord, unpack_record
from reprise.index.redis.scripts import script
from reprise.index.redis.split_pipeline import SplitPipeline
from reprise.index.state import IndexState, bucket_keys
from reprise.index.types import Changes, Inherited, Lookup, Member, RepresentativeRecord
from reprise.model import Decision, Fingerprint, MemoryUsage, Trace
from reprise.processing.ports import PendingDecisions

#: Maximum shards that one sweep visits: some 100 entries each, 5 ms of Redis's time in all. With a window of a week and
#: a million articles, some 8 shards a second are due.
_SWEEP_SHARDS: Final = 64

#: Maximum representatives and shards that an estimate of the size counts, for a standard error below 2 %. The shards
#: bound the time of Redis to 5 ms if the index is nearly empty.
_SIZE_ENTRIES: Final = 4_000
_SIZE_SHARDS: Final = 4_096

#: Attempts of a batch if Redis lost the scripts, the namespace expired or its slot was moved. After a move to a node
#: without the scripts, a batch needs all of them: the first fails with MOVED, the second with NOSCRIPT.
_ATTEMPTS: Final = 3

#: Maximum rounds of one batch. Each round commits an article of some worker, so more rounds mean a fault.
_ROUNDS: Final = 100

#: Maximum cached records of a namespace, some 1.5 KB each. Those of a popular story are not sent and unpacked again.
_CACHED_RECORDS: Final = 4_096

#: Scripts that are called by their digest.
_LOADED_SCRIPTS: Final = ("lookup", "commit", "sweep", "reserve_numbers", "find_previous")

#: Layouts that a warm-up can learn from: the entries that it reads have the same format in both.
_LEARNABLE_LAYOUTS: Final = (1, LAYOUT_VERSION)

_Redis = redis.Redis | redis.RedisCluster


@dataclass(slots=True, kw_only=True)
class _Namespace:
    """A prepared namespace.

    previous     the index that `learn` learns from
    is_rehashed  whether that index hashes texts in another way
    records      cached records by number, the least recently used first
    """

    keyspace: Keyspace
    previous: Keyspace | None
    is_rehashed: bool
    records: OrderedDict[int, StoredRecord] = field(default_factory=OrderedDict)


class RedisIndex:
    """An Index that any number of workers share."""

    def __init__(
        self,
        client: _Redis,
        *,
        rule: Rule,
        retention: Retention,
        expected_articles: int,
        generation: str | None = None,
        previous: str | None = None,
    ) -> None:
        """Use one generation of each namespace; None is the index without a generation.

        previous  generation that `learn` learns from; nothing is learned if it is the same
        """
        self.rule = rule
        self.retention = retention
        self._client = client
        self._generation = generation
        self._previous = previous
        self._shards = shards_for(expected_articles)
        self._parameters = parameters(rule)
        self._version = blake2b(self._parameters.encode(), digest_size=3).hexdigest()
        self._namespaces: dict[str, _Namespace] = {}

    def prepare(self, namespace: str) -> int:
        """Create the namespace's index, or check the existing one, whose number of shards does not change.

        Returns the number of shards of each kind. Raises Unreachable, IndexMismatch, Fatal.
        """
        arguments = (self._version, self._parameters, self._shards, meta_ttl_ms(self.retention), uuid.uuid4().hex)
        try:
            version, stored_parameters, shards, index_id = self._client.eval(
                script("prepare").text, 1, self._key(namespace), *arguments
            )
            previous, is_rehashed = self._find_previous(namespace)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error
        if version.decode() != self._version:
            raise IndexMismatch(
                f"namespace {namespace!r} holds an index written with {stored_parameters.decode()}; this worker has "
                f"{self._parameters}: set REPRISE_INDEX_GENERATION to use a separate index, and take over from the "
                "worker of the old one with `reprise run --warm-up` (docs: Operating, Upgrades); or set "
                "REPRISE_NAMESPACE, or wait until the old index has expired"
            )
        # Load the scripts before the first batch. If another worker loaded them while a batch is sent, the first
        # commits of the batch would fail and later ones succeed: articles would be committed out of order.
        self._load(namespace)
        keyspace = Keyspace(
            id=index_id,
            prefix=prefix(namespace, self._version, self._generation),
            shards=int(shards),
            bands=self.rule.permutations,
            retention=self.retention,
        )
        self._namespaces[namespace] = _Namespace(keyspace=keyspace, previous=previous, is_rehashed=is_rehashed)
        return int(shards)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> "PendingBatch":
        """See Index."""
        return PendingBatch(self, namespace, fingerprints, now_ms, is_learning=False)

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Submit articles and wait for their decisions."""
        return self.submit(namespace, fingerprints, now_ms).result()

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """Submit articles to index them with the previous generation's stories and decisions.

        What that generation has forgotten is not learned. Without a previous generation, articles are decided as by
        `submit`. Raises what `submit` raises.
        """
        return PendingBatch(self, namespace, fingerprints, now_ms, is_learning=True)

    def previous_index(self, namespace: str) -> str | None:
        """Return the key prefix of the index that `learn` learns from; None if `prepare` found none."""
        previous = self._namespaces[namespace].previous
        return previous.prefix if previous else None

    def size(self, namespace: str) -> int:
        """Return the number of representatives, estimated from some shards. May be called from any thread.

        Raises Unreachable, Fatal.
        """
        opened = self._namespaces.get(namespace)  # read once: another thread may remove it
        if opened is None:
            return 0
        key, keyspace = self._key(namespace), opened.keyspace
        arguments = (keyspace.prefix, keyspace.shards, _SIZE_ENTRIES, _SIZE_SHARDS)
        try:
            entries, shards_read = self._node(key).eval(script("size").text, 1, key, *arguments)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error
        return round(int(entries) * keyspace.shards / int(shards_read))

    def memory(self, namespace: str) -> MemoryUsage:
        """Return the memory of the server that holds the namespace. May be called from any thread.

        Raises Unreachable, Fatal.
        """
        try:
            info = self._node(self._key(namespace)).info("memory")
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        return MemoryUsage(used_bytes=int(info["used_memory"]), max_bytes=int(info["maxmemory"]))

    def close(self) -> None:
        """See Index."""
        self._client.close()

    def open_namespace(self, namespace: str) -> _Namespace:
        """Return a namespace, prepared if it was not. Raises what `prepare` raises."""
        if namespace not in self._namespaces:
            self.prepare(namespace)
        return self._namespaces[namespace]

    def send(self, namespace: str, commands: Sequence[tuple[Any, ...]]) -> SplitPipeline:
        """Send commands to the server that holds a namespace. Raises Unreachable, Fatal."""
        try:
            return SplitPipeline(self._node(self._key(namespace)), commands)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def receive(self, sent: SplitPipeline) -> list[Any]:
        """Return the replies to commands; the reply of a failed command is its error. Raises Unreachable, Fatal."""
        try:
            return sent.receive()
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def call(self, namespace: str, name: str, arguments: Iterable[Argument]) -> tuple[Any, ...]:
        """Return the command that runs a script on a namespace."""
        return ("EVALSHA", script(name).sha, 1, self._key(namespace), *arguments)

    def recover(self, namespace: str, error: Exception) -> None:
        """Prepare a retry of the batch after a script error; raise the translated error if no retry can help."""
        if isinstance(error, NoScriptError):
            self._load(namespace)
        elif isinstance(error, MovedError) and isinstance(self._client, redis.RedisCluster):
            self._refresh_slots()
        elif isinstance(error, ResponseError) and str(error).startswith("INDEXLOST"):
            # The index expired, or another worker created it again. The next look-up prepares it.
            self._namespaces.pop(namespace, None)
        else:
            raise self.translate(error) from error

    def translate(self, error: Exception) -> RepriseError:
        """Translate an error of redis-py. The slots are read again first, because a failover may be the cause."""
        self._refresh_slots()
        return translate_redis_error(error)

    def _key(self, namespace: str) -> str:
        return meta_key(namespace, self._generation)

    def _find_previous(self, namespace: str) -> tuple[Keyspace | None, bool]:
        """Find the previous generation, and whether it hashes texts in another way. Raises Redis's errors."""
        if self._previous == self._generation:
            return None, False
        reply: Any = self._client.hmget(meta_key(namespace, self._previous), ["version", "parameters", "shards"])
        version, stored_parameters, shards = reply
        if version is None or not any(
            f" layout={layout} " in stored_parameters.decode() for layout in _LEARNABLE_LAYOUTS
        ):
            return None, False
        keyspace = Keyspace(
            id=b"",
            prefix=prefix(namespace, version.decode(), self._previous),
            shards=int(shards),
            bands=0,
            retention=self.retention,
        )
        return keyspace, not stored_parameters.decode().startswith(f"text={TEXT_VERSION} ")

    def _load(self, namespace: str) -> None:
        """Load the scripts on the server that holds the namespace; the other nodes of a cluster may be down."""
        try:
            for name in _LOADED_SCRIPTS:
                self._node(self._key(namespace)).script_load(script(name).text)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def _refresh_slots(self) -> None:
        """Read the slot map of a cluster again: the client of a single node does not follow MOVED."""
        if isinstance(self._client, redis.RedisCluster):
            with suppress(*REDIS_ERRORS):  # the cluster is still unreachable; the next failure tries again
                self._client.nodes_manager.initialize()

    def _node(self, key: str) -> redis.Redis:
        """Return the client of the server that holds a key. RedisCluster itself cannot pipeline scripts.

        The client of a node does not follow ASK. It must not: while a slot is moved key by key, scripts on the new node
        would treat the keys that have not been moved yet as missing.
        """
        if isinstance(self._client, redis.RedisCluster):
            node = self._client.get_node_from_key(key)  # type: ignore[no-untyped-call]
            if node is None:
                raise Unreachable("redis: no node of the cluster holds the namespace")
            return self._client.get_redis_connection(node)
        return self._client


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    """A decision whose commit was sent. `position` is the position of the article in the batch."""

    position: int
    decision: Decision
    arguments: Sequence[Argument]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repeat:
    """An article that repeats one of the same batch. Its decision is valid once that of the original is committed.

    position, original  positions of the article and of the original in the batch
    """

    position: int
    decision: Decision
    original: int


class PendingBatch:
    """PendingDecisions of one namespace's articles.

    `result` runs the steps one after the other: `look_up` (sent by the constructor), `decide`, `commit`, and again for
    the articles whose commit was refused. Tests call the steps themselves, to interleave several workers.
    """

    def __init__(
        self,
        index: RedisIndex,
        namespace: str,
        fingerprints: Sequence[Fingerprint],
        now_ms: int,
        *,
        is_learning: bool,
    ) -> None:
        """Send the lookups. Raises Unreachable, IndexMismatch, Fatal."""
        self._index = index
        self._namespace = namespace
        self._fingerprints = fingerprints
        self._now_ms = now_ms
        self._is_learning = is_learning
        self._decisions: dict[int, Decision] = {}
        self._conflicts = [0] * len(fingerprints)
        self._open: list[int] = list(range(len(fingerprints)))
        self._commits: list[_Commit] = []
        self._repeats: list[_Repeat] = []
        self._is_swept = False
        self._sent: SplitPipeline | None = None
        self.look_up()

    @property
    def is_done(self) -> bool:
        """Return whether every article is decided and committed."""
        return not self._open

    @property
    def decided(self) -> Sequence[int]:
        """Return the positions of the articles that are decided and committed."""
        return list(self._decisions)

    def result(self) -> Sequence[Decision]:
        """See PendingDecisions."""
        if self.is_done:
            return [self._decisions[position] for position in range(len(self._fingerprints))]
        script_errors = 0
        for _ in range(_ROUNDS):
            try:
                self.decide()
                self.commit()
            except _ScriptError as error:
                script_errors += 1
                self._index.recover(self._namespace, error.cause)
                if script_errors == _ATTEMPTS:
                    raise Unreachable(
                        "redis: the scripts or the namespace are lost as soon as they are loaded"
                    ) from error
            if self.is_done:
                return [self._decisions[position] for position in range(len(self._fingerprints))]
            self.look_up()
        raise Unreachable("redis: other workers changed the index in every round of this batch")

    def cancel(self) -> None:
        """See PendingDecisions."""
        if self._sent:
            self._sent.drop()
            self._sent = None

    def look_up(self) -> None:
        """Send the lookups of the articles that are not decided."""
        opened = self._index.open_namespace(self._namespace)
        keyspace, call = opened.keyspace, self._index.call
        self._keys = {position: article_keys(self._fingerprints[position], keyspace.shards) for position in self._open}
        commands = [
            call(self._namespace, "lookup", lookup_arguments(keyspace, keys, self._now_ms))
            for keys in self._keys.values()
        ]
        if self._is_learning and opened.previous:
            commands += [
                call(
                    self._namespace,
                    "find_previous",
                    previous_arguments(
                        opened.previous,
                        self._fingerprints[position],
                        self._now_ms,
                        is_rehashed=opened.is_rehashed,
                    ),
                )
                for position in self._open
            ]
        self._sent = self._index.send(self._namespace, commands)

    def decide(self) -> None:
        """Receive the lookups, decide the articles in order, and send the commits."""
        replies = self._receive()
        opened = self._index.open_namespace(self._namespace)
        retention, count = self._index.retention, len(self._open)
        lookups = {
            position: parse_lookup(reply, self._keys[position], retention, self._now_ms)
            for position, reply in zip(self._open, replies[:count], strict=True)
        }
        inherited = dict(zip(self._open, map(parse_previous, replies[count:]), strict=False))
        records, numbers = self._load(opened, list(lookups.values()))
        batch = _BatchDecider(self._index, self._namespace, opened, records, numbers, self._now_ms)
        self._commits, self._repeats = [], []
        first: dict[tuple[str, bytes], int] = {}
        for position in self._open:
            fingerprint, keys, answer = self._fingerprints[position], self._keys[position], lookups[position]
            previous = None
            if position in inherited and not answer.lookup.replay:
                stored, story_id = inherited[position]
                # The previous generation has forgotten the article. It is not indexed: otherwise variants would join a
                # story that was never published.
                if story_id is None:
                    forgotten = forgotten_decision(self._namespace, fingerprint, self._now_ms)
                    self._decisions[position] = as_decision(forgotten, "", Trace())
                    continue
                previous = Inherited(decision=stored, story_id=story_id)
            decision, arguments = batch.decide(fingerprint, keys, answer, previous)
            if arguments is not None:
                self._commits.append(_Commit(position=position, decision=decision, arguments=arguments))
                first[fingerprint.article_id, fingerprint.content_hash] = position
            elif answer.lookup.replay:
                self._decisions[position] = decision
            else:
                original = first[fingerprint.article_id, fingerprint.content_hash]
                self._repeats.append(_Repeat(position=position, decision=decision, original=original))
        records.trim()
        commands = [self._index.call(self._namespace, "commit", commit.arguments) for commit in self._commits]
        if not self._is_swept:
            sweep = sweep_arguments(opened.keyspace, self._now_ms, _SWEEP_SHARDS)
            commands.append(self._index.call(self._namespace, "sweep", sweep))
        self._sent = self._index.send(self._namespace, commands) if commands else None

    def commit(self) -> None:
        """Receive the replies to the commits; articles whose commit was refused stay undecided."""
        replies = self._receive() if self._sent else []
        self._is_swept = True
        refused = []
        for sent, is_committed in zip(self._commits, replies, strict=False):
            if is_committed:
                conflicts = self._conflicts[sent.position]
                trace = replace(sent.decision.trace, conflicts=conflicts)
                self._decisions[sent.position] = replace(sent.decision, trace=trace)
            else:
                self._conflicts[sent.position] += 1
                refused.append(sent.position)
        for repeat in self._repeats:
            if repeat.original in self._decisions:
                self._decisions[repeat.position] = repeat.decision
            else:
                refused.append(repeat.position)
        self._open = sorted(refused)

    def _load(self, opened: _Namespace, answers: Sequence[LookupAnswer]) -> tuple["_Records", Iterator[int]]:
        """Load the records of all candidates, and reserve a number for each article that may become a representative.

        Numbers are reserved right before the commits, so that an older representative has a smaller one.
        """
        index, namespace = self._index, self._namespace
        records = _Records(index, opened, answers, self._now_ms)
        count = sum(answer.lookup.replay is None for answer in answers)
        commands: list[tuple[Any, ...]] = [records.command] if records.command else []
        if count:
            commands.append(
                index.call(namespace, "reserve_numbers", (opened.keyspace.id, opened.keyspace.prefix, count))
            )
        self._sent = index.send(namespace, commands) if commands else None
        loaded = self._receive()
        last = int(loaded.pop()) if count else 0
        if loaded:
            records.add(loaded[0])
        return records, iter(range(last - count + 1, last + 1))

    def _receive(self) -> list[Any]:
        sent, self._sent = self._sent, None
        replies = self._index.receive(sent) if sent else []
        for reply in replies:
            if isinstance(reply, Exception):
                raise _ScriptError(reply)
        return replies


class _ScriptError(Exception):
    """A script failed on the server; `cause` is the client's exception."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Records:
    """The records of the candidates of a batch.

    command  the MGET of the records that are not cached; None if all are cached
    """

    def __init__(self, index: RedisIndex, opened: _Namespace, answers: Iterable[LookupAnswer], now_ms: int) -> None:
        self._keyspace = opened.keyspace
        self._cache = opened.records
        stories: dict[int, int] = {}
        for answer in answers:
            if answer.copy:
                self._keep(*answer.copy)
            members = answer.lookup.members
            for number in list_candidates(answer.lookup, index.rule, index.retention, now_ms):
                stories[number] = members[number].story_number
        self._missing = [number for number, story in stories.items() if not self._is_current(number, story)]
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
        """Return a record; None if it does not exist."""
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

    def _is_current(self, number: int, story_number: int) -> bool:
        """Return whether a record is cached with its present story. Other fields that decisions use never change."""
        record = self._cache.get(number)
        return record is not None and record.representative.story_number == story_number

    def _keep(self, number: int, packed: bytes) -> None:
        keyspace = self._keyspace
        self._cache[number] = unpack_record(number, packed, bands=keyspace.bands, shards=keyspace.shards)
        self._cache.move_to_end(number)


class _BatchDecider:
    """Decides the articles of a batch in order. A decision takes into account the changes of those before it."""

    def __init__(
        self,
        index: RedisIndex,
        namespace: str,
        opened: _Namespace,
        records: _Records,
        numbers: Iterator[int],
        now_ms: int,
    ) -> None:
        self._context = DecisionContext(namespace=namespace, rule=index.rule, retention=index.retention, now_ms=now_ms)
        self._opened = opened
        self._records = records
        self._numbers = numbers
        self._now_ms = now_ms
        #: the changes of this batch
        self._state = IndexState()
        #: the representatives in the buckets of the article being decided
        self._members: Mapping[int, Member] = {}
        #: numbers of the representatives that this batch adds
        self._added: set[int] = set()
        #: latest decisions by article id, and covering representatives by content hash, that this batch stores
        self._latest: dict[str, bytes] = {}
        self._covering: dict[bytes, bytes] = {}

    def decide(
        self, fingerprint: Fingerprint, keys: ArticleKeys, answer: LookupAnswer, inherited: Inherited | None
    ) -> tuple[Decision, Sequence[Argument] | None]:
        """Decide one article; return the decision and the arguments of its commit, None if it is a recorded one."""
        lookup = self._merge(fingerprint, answer)
        self._members = lookup.members
        number = 0 if lookup.replay else next(self._numbers)
        decision, changes = decide(self._context, fingerprint, lookup, number, self._load, inherited)
        if changes is None:
            return decision, None
        if changes.record:
            self._added.add(number)
        return decision, self._commit(fingerprint, keys, answer, changes)

    def _commit(
        self, fingerprint: Fingerprint, keys: ArticleKeys, answer: LookupAnswer, changes: Changes
    ) -> Sequence[Argument]:
        if changes.moves:  # the last_seen_ms of a cached record may be old; that of the lookup is current
            moves = [replace(moved, last_seen_ms=self._members[moved.number].last_seen_ms) for moved in changes.moves]
            changes = replace(changes, moves=moves)
        self._state.apply(fingerprint, changes, self._now_ms)
        renewed_shards = self._records.renew(changes.match.number, self._now_ms) if changes.match else b""
        request = CommitRequest(
            keys=keys,
            fingerprint=fingerprint,
            changes=changes,
            latest=self._latest.get(fingerprint.article_id, answer.latest),
            covering=self._covering.get(fingerprint.content_hash, answer.covering),
            renewed_shards=renewed_shards,
            batch_numbers=[number for number in changes.members if number in self._added],
        )
        arguments, latest, covering = commit_arguments(self._opened.keyspace, request, self._now_ms)
        self._latest[fingerprint.article_id] = latest
        self._covering[fingerprint.content_hash] = covering
        return arguments

    def _load(self, numbers: Sequence[int]) -> Sequence[RepresentativeRecord]:
        """Return the records of candidates, with the changes of this batch."""
        loaded = []
        for number in numbers:
            if changed := self._state.records.get(number):
                loaded.append(changed)
            elif stored := self._records.get(number):
                loaded.append(stored.representative)
        return loaded

    def _merge(self, fingerprint: Fingerprint, answer: LookupAnswer) -> Lookup:
        """Return the lookup of an article as it will be once the earlier changes of this batch are committed."""
        state, looked_up = self._state, answer.lookup
        if looked_up.replay:
            return looked_up
        own = state.lookup(fingerprint, self._context.retention, self._now_ms)
        latest = own.latest or looked_up.latest
        if own.replay:
            return Lookup(latest=latest, replay=own.replay, members={})
        if own.copy:
            return Lookup(latest=latest, copy=own.copy, members={})
        if answer.copy:
            number = answer.copy[0]
            stored = self._records.get(number)
            copy = state.records.get(number) or (stored.representative if stored else None)
            if copy:
                return Lookup(latest=latest, copy=copy, members={})
        buckets = [
            [*bucket, *state.buckets.get(key, ())]
            for bucket, key in zip(looked_up.buckets, bucket_keys(fingerprint), strict=True)
        ]
        members = dict(looked_up.members)
        for bucket in buckets:
            for number in bucket:
                if changed := state.records.get(number):
                    members[number] = Member(changed.last_seen_ms, changed.story_number)
        return Lookup(latest=latest, buckets=buckets, members=members)


def parameters(rule: Rule) -> str:
    """Return, as text, the parameters that must be equal in all workers that share an index."""
    return f"text={TEXT_VERSION} layout={LAYOUT_VERSION} permutations={rule.permutations} sketch={rule.sketch_size}"
