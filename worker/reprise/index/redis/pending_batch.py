"""A batch of articles in flight: looked up, decided, committed, and again for those whose commit was refused."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from reprise.errors import RepriseError, Unreachable
from reprise.index.decide import DecisionContext, as_decision, forgotten_decision
from reprise.index.redis.batch_decider import BatchDecider
from reprise.index.redis.codec import (
    Argument,
    LookupReply,
    article_keys,
    lookup_arguments,
    parse_lookup,
    parse_previous,
    previous_arguments,
    sweep_arguments,
)
from reprise.index.redis.namespaces import NamespaceRegistry, OpenNamespace
from reprise.index.redis.record_cache import CandidateRecords
from reprise.index.redis.split_pipeline import SplitPipeline
from reprise.index.types import Inherited
from reprise.model import Decision, Fingerprint, Stage, Trace

#: Maximum shards that one sweep visits: some 100 entries each, 5 ms of Redis's time in all. With a window of a week and
#: a million articles, some 8 shards a second are due.
_SWEEP_SHARDS: Final = 64

#: Attempts of a batch if Redis lost the scripts, the namespace expired or its slot was moved. After a move to a node
#: without the scripts, a batch needs all of them: the first fails with MOVED, the second with NOSCRIPT.
_ATTEMPTS: Final = 3

#: Maximum rounds of one batch. Each round commits an article of some worker, so more rounds mean a fault.
_ROUNDS: Final = 100


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

    The steps run one after the other: `look_up` (by the constructor), `decide`, `commit`, and again for the articles
    whose commit was refused. `begin_commit` runs `decide`, `result` the rest. Tests call the steps themselves, to
    interleave several workers.
    """

    def __init__(
        self,
        namespaces: NamespaceRegistry,
        namespace: str,
        fingerprints: Sequence[Fingerprint],
        now_ms: int,
        *,
        is_learning: bool,
    ) -> None:
        """Send the lookups. Raises Unreachable, IndexMismatch, Fatal."""
        self._namespaces = namespaces
        self._scripts = namespaces.scripts
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
        #: the namespace as it was when the lookups were sent: another batch may prepare it again
        self._opened = namespaces.open(namespace)
        #: whether the commits are sent and not yet received
        self._is_decided = False
        #: the error of `begin_commit`, which `result` handles
        self._deferred: _ScriptError | RepriseError | None = None
        self.look_up()

    @property
    def is_done(self) -> bool:
        """Return whether every article is decided and committed."""
        return not self._open

    @property
    def decided(self) -> Sequence[int]:
        """Return the positions of the articles that are decided and committed."""
        return list(self._decisions)

    def begin_commit(self) -> None:
        """See PendingDecisions."""
        if self.is_done:
            return
        try:
            self.decide()
        except (_ScriptError, RepriseError) as error:
            self._deferred = error

    def result(self) -> Sequence[Decision]:
        """See PendingDecisions."""
        if self.is_done:
            return [self._decisions[position] for position in range(len(self._fingerprints))]
        script_errors = 0
        for _ in range(_ROUNDS):
            try:
                deferred, self._deferred = self._deferred, None
                if deferred:
                    raise deferred
                if not self._is_decided:
                    self.decide()
                self.commit()
            except _ScriptError as error:
                script_errors += 1
                self._namespaces.recover(self._namespace, error.cause)
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
            self._sent.disconnect()
            self._sent = None

    def look_up(self) -> None:
        """Send the lookups of the articles that are not decided."""
        self._stage_began = time.monotonic()
        opened = self._opened = self._namespaces.open(self._namespace)
        self._is_decided = False
        self._check_seed()
        keyspace, call = opened.keyspace, self._scripts.call
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
        self._sent = self._scripts.send(self._namespace, commands) if commands else None

    def decide(self) -> None:
        """Receive the lookups, decide the articles in order, and send the commits."""
        replies = self._receive()
        self._complete_stage(Stage.LOOKUP)
        opened = self._opened
        retention, count = opened.keyspace.retention, len(self._open)
        lookups = {
            position: parse_lookup(reply, self._keys[position], retention, self._now_ms)
            for position, reply in zip(self._open, replies[:count], strict=True)
        }
        inherited = dict(zip(self._open, map(parse_previous, replies[count:]), strict=False))
        records, numbers = self._load(opened, list(lookups.values()))
        context = DecisionContext(namespace=self._namespace, rule=opened.rule, retention=retention, now_ms=self._now_ms)
        batch = BatchDecider(context, opened.keyspace, records, numbers)
        self._commits, self._repeats = [], []
        first: dict[tuple[str, bytes], int] = {}
        for position in self._open:
            fingerprint, keys, reply = self._fingerprints[position], self._keys[position], lookups[position]
            previous = None
            if position in inherited and not reply.lookup.replay:
                stored, story_id = inherited[position]
                # The previous generation has forgotten the article. It is not indexed: otherwise variants would join a
                # story that was never published.
                if story_id is None:
                    forgotten = forgotten_decision(self._namespace, fingerprint, self._now_ms)
                    self._decisions[position] = as_decision(forgotten, "", Trace())
                    continue
                previous = Inherited(decision=stored, story_id=story_id)
            decision, arguments = batch.decide(fingerprint, keys, reply, previous)
            if arguments is not None:
                self._commits.append(_Commit(position=position, decision=decision, arguments=arguments))
                first[fingerprint.article_id, fingerprint.content_hash] = position
            elif reply.lookup.replay:
                self._decisions[position] = decision
            else:
                original = first[fingerprint.article_id, fingerprint.content_hash]
                self._repeats.append(_Repeat(position=position, decision=decision, original=original))
        records.trim()
        commands = [self._scripts.call(self._namespace, "commit", commit.arguments) for commit in self._commits]
        if not self._is_swept:
            sweep = sweep_arguments(opened.keyspace, self._now_ms, _SWEEP_SHARDS)
            commands.append(self._scripts.call(self._namespace, "sweep", sweep))
        self._sent = self._scripts.send(self._namespace, commands) if commands else None
        self._complete_stage(Stage.DECIDE)
        self._is_decided = True

    def commit(self) -> None:
        """Receive the replies to the commits; articles whose commit was refused stay undecided."""
        replies = self._receive() if self._sent else []
        self._complete_stage(Stage.COMMIT)
        self._is_decided = False
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

    def _check_seed(self) -> None:
        """Raise Unreachable if the signatures have another seed than the index: the caller makes them anew."""
        seed = self._opened.seed
        if any(self._fingerprints[position].seed != seed for position in self._open):
            raise Unreachable("redis: another worker created the index again, with another seed of the signatures")

    def _load(self, opened: OpenNamespace, replies: Sequence[LookupReply]) -> tuple[CandidateRecords, Iterator[int]]:
        """Load the records of all candidates, and reserve a number for each article that may become a representative.

        Numbers are reserved right before the commits, so that an older representative has a smaller one.
        """
        keyspace = opened.keyspace
        records = CandidateRecords(keyspace, opened.records, replies, opened.rule, self._now_ms, self._read_record)
        count = sum(reply.lookup.replay is None for reply in replies)
        commands: list[tuple[Any, ...]] = [records.command] if records.command else []
        if count:
            reserve = (keyspace.id, keyspace.prefix, count)
            commands.append(self._scripts.call(self._namespace, "reserve_numbers", reserve))
        self._sent = self._scripts.send(self._namespace, commands) if commands else None
        loaded = self._receive()
        last = int(loaded.pop()) if count else 0
        if loaded:
            records.add(loaded[0])
        return records, iter(range(last - count + 1, last + 1))

    def _read_record(self, number: int) -> bytes | None:
        self._sent = self._scripts.send(self._namespace, [("GET", f"{self._opened.keyspace.prefix}r:{number}")])
        packed: bytes | None = self._receive()[0]
        return packed

    def _complete_stage(self, stage: Stage) -> None:
        now = time.monotonic()
        self._namespaces.observe_stage(stage, now - self._stage_began)
        self._stage_began = now

    def _receive(self) -> list[Any]:
        sent, self._sent = self._sent, None
        replies = self._scripts.receive(sent) if sent else []
        for reply in replies:
            if isinstance(reply, Exception):
                raise _ScriptError(reply)
        return replies


class _ScriptError(Exception):
    """A script failed on the server; `cause` is the client's exception."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause
