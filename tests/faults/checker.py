"""Judges a run by what the topics hold when it is over, and by nothing that the worker says of itself.

May live here: the promise, written down a second time. May not: a line of the worker's code, a client, a clock. Of the
worker it knows what a consumer knows: the names of the events' fields and of the headers.

    judge            the whole promise, on a finished run
    judge_commits    the part that must hold at any moment: nothing is committed that was not delivered

The first record that breaks the promise, in the order of the input, is the counter-example.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: A position of the input: partition and offset.
Place = tuple[int, int]

#: The header by which an event names its article: whoever produces an article gives it one that no other has.
TRACE: Final = "traceparent"

#: The headers by which a dead letter names its message.
DEAD_TOPIC: Final = "reprise-dead-topic"
DEAD_PARTITION: Final = "reprise-dead-partition"
DEAD_OFFSET: Final = "reprise-dead-offset"

#: Headers in which two copies of one dead letter may differ: when it was given up.
_TIMES: Final = frozenset({"reprise-dead-time"})

_NEW: Final = "story.new"
_VARIANT: Final = "story.variant"


class CounterExample(AssertionError):  # a test that meets one has failed
    """What shows that the promise was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of a topic. `damaged` marks a position whose bytes no client can decode: nothing else is known of it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    damaged: bool = False

    @property
    def place(self) -> Place:
        """Where it is in its topic."""
        return (self.partition, self.offset)

    def header(self, name: str) -> bytes | None:
        """Return the last header of a name."""
        return dict(self.headers).get(name)

    def __str__(self) -> str:
        """Name it without its text."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the topics hold, each in the order of its partitions, and what the group committed.

    committed  for each partition of the articles the offset of the next one to read; none where nothing is committed
    """

    articles: Sequence[Record]
    new: Sequence[Record]
    variants: Sequence[Record]
    dead: Sequence[Record]
    committed: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What this run was promised.

    copies      an outcome may be told again, in the same words (at least once); else each exactly once
    store_lost  Redis lost its data: a story may be announced again, under another id
    """

    copies: bool = True
    store_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was counted in a run that kept its promise. `doubled`: records that repeat an earlier one."""

    articles: int
    events: int
    dead: int
    doubled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """One record of an output topic. `body` is an event's JSON, None for a dead letter."""

    record: Record
    body: Mapping[str, Any] | None

    @property
    def content(self) -> tuple[object, ...]:
        """All that a copy must repeat."""
        kept = tuple(header for header in self.record.headers if header[0] not in _TIMES)
        return (self.record.topic, self.record.key, self.record.value, kept)


def judge(history: History, promise: Promise) -> Verdict:
    """Return what was counted. Raises CounterExample at the first record that breaks the promise."""
    outcomes = _outcomes(history)
    inputs = [record for record in history.articles if _leads_to_something(record)]
    _check_commits(history, outcomes)
    for record in inputs:
        _check_outcomes(record, outcomes.get(record.place, []), promise)
        _check_told(record, outcomes[record.place])
    _check_stories(history)
    if not promise.store_lost:
        _check_founders(inputs, outcomes)
    told = [outcome for found in outcomes.values() for outcome in found]
    events = {place for place, found in outcomes.items() if found[0].body is not None}
    return Verdict(
        articles=len(inputs), events=len(events), dead=len(outcomes) - len(events), doubled=len(told) - len(inputs)
    )


def judge_commits(history: History) -> None:
    """Check what holds at any moment, given that the commits were read before the topics. Raises CounterExample."""
    _check_commits(history, _outcomes(history))


def _leads_to_something(record: Record) -> bool:
    return record.damaged or record.value is not None


def _outcomes(history: History) -> Mapping[Place, list[_Outcome]]:
    """Return what each input led to, in the order of the topics. Raises CounterExample for what nothing led to."""
    by_trace = {trace: record for record in history.articles if (trace := record.header(TRACE)) is not None}
    places = {(record.topic, record.place) for record in history.articles}
    found: defaultdict[Place, list[_Outcome]] = defaultdict(list)
    for record in (*history.new, *history.variants):
        article = by_trace.get(record.header(TRACE) or b"")
        if article is None:
            raise CounterExample(f"{record} tells of no article that was ever sent")
        found[article.place].append(_Outcome(record=record, body=_body(record)))
    for record in history.dead:
        topic, place = (record.header(DEAD_TOPIC) or b"").decode(), _dead_place(record)
        if (topic, place) not in places:
            raise CounterExample(f"{record} is a dead letter of {topic} {place}, where no article is")
        found[place].append(_Outcome(record=record, body=None))
    return found


def _body(record: Record) -> Mapping[str, Any]:
    try:
        body = json.loads(record.value or b"")
    except ValueError as error:
        raise CounterExample(f"{record} is no JSON: {error}") from None
    if not isinstance(body, dict) or not isinstance(body.get("event_id"), str):
        raise CounterExample(f"{record} is no event")
    return body


def _dead_place(record: Record) -> Place:
    try:
        return (int(record.header(DEAD_PARTITION) or b""), int(record.header(DEAD_OFFSET) or b""))
    except ValueError:
        raise CounterExample(f"{record} is a dead letter that names no message") from None


def _check_commits(history: History, outcomes: Mapping[Place, list[_Outcome]]) -> None:
    for record in history.articles:
        committed = history.committed.get(record.partition, 0)
        if record.offset < committed and _leads_to_something(record) and record.place not in outcomes:
            raise CounterExample(f"{record} led to nothing, and its partition is committed up to {committed}")


def _check_outcomes(record: Record, found: Sequence[_Outcome], promise: Promise) -> None:
    if not found:
        raise CounterExample(f"{record} is lost: neither an event nor a dead letter, and not committed")
    names = ", ".join(str(outcome.record) for outcome in found)
    if len({outcome.body is None for outcome in found}) > 1:
        raise CounterExample(f"{record} led to an event and to a dead letter: {names}")
    if len(found) > 1 and not promise.copies:
        raise CounterExample(f"{record} was told {len(found)} times: {names}")
    if promise.store_lost:
        return
    ids = {outcome.body["event_id"] for outcome in found if outcome.body is not None}
    if len(ids) > 1:
        raise CounterExample(f"{record} led to {len(ids)} different events: {names}")
    if len({outcome.content for outcome in found}) > 1:
        raise CounterExample(f"{record} was told again in other words: {names}")


def _check_told(record: Record, found: Sequence[_Outcome]) -> None:
    """An event tells of its own article; a dead letter keeps the message as it was, or is a notice without any."""
    article_id = _article(record).get("id")
    for outcome in found:
        if outcome.body is None:
            kept = outcome.record.value
            if kept and kept != record.value:
                raise CounterExample(f"{outcome.record} does not keep the bytes of {record}")
            continue
        told = outcome.body.get("article", {}).get("id")
        if article_id is not None and told != article_id:
            raise CounterExample(f"{outcome.record} tells of article {told!r}, and {record} is {article_id!r}")
        if outcome.record.header("ce_id") != outcome.body["event_id"].encode():
            raise CounterExample(f"{outcome.record} has another id in its header than in its body")


def _check_stories(history: History) -> None:
    """Every event is in the topic of its type, and every variant's story was announced."""
    announced = {body["story_id"] for body in _bodies(history.new, _NEW)}
    for record, body in zip(history.variants, _bodies(history.variants, _VARIANT), strict=True):
        if body["story_id"] not in announced:
            raise CounterExample(f"{record} is a variant of story {body['story_id']}, which nothing announced")


def _bodies(records: Iterable[Record], event_type: str) -> Iterator[Mapping[str, Any]]:
    for record in records:
        body = _body(record)
        if body.get("type") != event_type or not isinstance(body.get("story_id"), str):
            raise CounterExample(f"{record} is no {event_type}")
        yield body


def _check_founders(inputs: Iterable[Record], outcomes: Mapping[Place, list[_Outcome]]) -> None:
    """One text is announced as one story at most."""
    founders: dict[str, tuple[Record, str]] = {}
    for record in inputs:
        text = _article(record).get("text")
        for outcome in outcomes[record.place]:
            if text is None or outcome.body is None or outcome.body["type"] != _NEW:
                continue
            story = outcome.body["story_id"]
            first, known = founders.setdefault(text, (record, story))
            if known != story:
                raise CounterExample(f"{first} and {record} have one text and founded two stories, {known} and {story}")


def _article(record: Record) -> Mapping[str, Any]:
    try:
        found = json.loads(record.value or b"")
    except ValueError:  # a message that cannot be read is an input like any other
        return {}
    return found if isinstance(found, dict) else {}
