"""Judge a run by the content of its topics, not by anything that the worker reports about itself.

The checker writes the guarantees of the worker down a second time. It imports no code of the worker, no client and no
clock. Like a consumer, it knows only the names of the events' fields and of the headers.

    judge            check all guarantees on a finished run
    judge_commits    check the guarantee of a running worker: no input is committed before it is delivered

The counter-example is the first record that violates a guarantee, in the order of the input.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: A position in the input topic: partition and offset.
Position = tuple[int, int]

#: Header that links an event to its article. Each produced article has a value of its own.
TRACE: Final = "traceparent"

#: Headers of a dead letter that hold the position of its message.
DEAD_TOPIC: Final = "reprise-dead-topic"
DEAD_PARTITION: Final = "reprise-dead-partition"
DEAD_OFFSET: Final = "reprise-dead-offset"

#: Headers that may differ between two copies of a dead letter: the time of the rejection.
_TIMES: Final = frozenset({"reprise-dead-time"})

_NEW: Final = "story.new"
_VARIANT: Final = "story.variant"
_MERGED: Final = "story.merged"


class CounterExample(AssertionError):  # a test that raises it has failed
    """A record that violates a guarantee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of a topic. `is_corrupt` marks a position that no client can decode; its other fields are empty."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    is_corrupt: bool = False

    @property
    def position(self) -> Position:
        """The partition and the offset."""
        return (self.partition, self.offset)

    def header(self, name: str) -> bytes | None:
        """Return the last header with this name."""
        return dict(self.headers).get(name)

    def __str__(self) -> str:
        """Return topic, partition and offset, without the text."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The content of the topics, each in the order of its partitions, and the committed offsets.

    committed  partition of the input topic -> next offset to read; partitions without a commit are missing
    """

    articles: Sequence[Record]
    new: Sequence[Record]
    variants: Sequence[Record]
    merged: Sequence[Record] = ()
    dead: Sequence[Record]
    committed: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """The guarantees of a run.

    allow_copies   outcomes may be published again with equal content (at least once), otherwise exactly once
    is_index_lost  Redis lost its data, so a story may be announced again with another id
    """

    allow_copies: bool = True
    is_index_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """The counts of a run that kept its guarantees.

    merges  stories that were merged into another one
    copies  records that repeat an earlier one
    """

    articles: int
    events: int
    dead: int
    copies: int
    merges: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishedOutcome:
    """A record of an output topic. `body` is the JSON of an event, or None for a dead letter."""

    record: Record
    body: Mapping[str, Any] | None

    @property
    def content(self) -> tuple[object, ...]:
        """The parts that are equal in all copies."""
        headers = tuple(header for header in self.record.headers if header[0] not in _TIMES)
        return (self.record.topic, self.record.key, self.record.value, headers)


def judge(history: History, guarantees: Guarantees) -> RunCounts:
    """Return the counts of a finished run. Raises CounterExample for the first record that violates a guarantee."""
    outcomes = _outcomes(history)
    inputs = [record for record in history.articles if _needs_outcome(record)]
    _check_commits(history, outcomes)
    for record in inputs:
        _check_outcomes(record, outcomes.get(record.position, []), guarantees)
        _check_content(record, outcomes[record.position])
    _check_stories(history)
    merges = _check_merges(history, outcomes, guarantees)
    if not guarantees.is_index_lost:
        _check_founders(inputs, outcomes)
        _check_roots(inputs, outcomes, _into(merges))
    published = sum(len(group) for group in outcomes.values())
    events = {position for position, group in outcomes.items() if group[0].body is not None}
    return RunCounts(
        articles=len(inputs),
        events=len(events),
        dead=len(outcomes) - len(events),
        copies=published - len(inputs) + len(history.merged) - len(merges),
        merges=len(merges),
    )


def judge_commits(history: History) -> None:
    """Check the commits of a running worker. They must have been read before the topics. Raises CounterExample."""
    _check_commits(history, _outcomes(history))


def _needs_outcome(record: Record) -> bool:
    return record.is_corrupt or record.value is not None


def _outcomes(history: History) -> Mapping[Position, list[_PublishedOutcome]]:
    """Return the outcomes of each input, in the order of the topics. Raises CounterExample for one without an input."""
    by_trace = _articles_by_trace(history)
    positions = {(record.topic, record.position) for record in history.articles}
    outcomes: defaultdict[Position, list[_PublishedOutcome]] = defaultdict(list)
    for record in (*history.new, *history.variants):
        article = by_trace.get(record.header(TRACE) or b"")
        if article is None:
            raise CounterExample(f"{record} has the trace of no produced article")
        outcomes[article.position].append(_PublishedOutcome(record=record, body=_body(record)))
    for record in history.dead:
        topic, position = (record.header(DEAD_TOPIC) or b"").decode(), _dead_position(record)
        if (topic, position) not in positions:
            raise CounterExample(f"{record} is a dead letter of {topic} {position}, where no article is")
        outcomes[position].append(_PublishedOutcome(record=record, body=None))
    return outcomes


def _articles_by_trace(history: History) -> Mapping[bytes, Record]:
    return {trace: record for record in history.articles if (trace := record.header(TRACE)) is not None}


def _body(record: Record) -> Mapping[str, Any]:
    try:
        body = json.loads(record.value or b"")
    except ValueError as error:
        raise CounterExample(f"{record} is no JSON: {error}") from None
    if not isinstance(body, dict) or not isinstance(body.get("event_id"), str):
        raise CounterExample(f"{record} is no event")
    return body


def _dead_position(record: Record) -> Position:
    try:
        return (int(record.header(DEAD_PARTITION) or b""), int(record.header(DEAD_OFFSET) or b""))
    except ValueError:
        raise CounterExample(f"{record} is a dead letter without the position of its message") from None


def _check_commits(history: History, outcomes: Mapping[Position, list[_PublishedOutcome]]) -> None:
    for record in history.articles:
        committed = history.committed.get(record.partition, 0)
        if record.offset < committed and _needs_outcome(record) and record.position not in outcomes:
            raise CounterExample(f"{record} has no outcome, and its partition is committed up to {committed}")


def _check_outcomes(record: Record, outcomes: Sequence[_PublishedOutcome], guarantees: Guarantees) -> None:
    if not outcomes:
        raise CounterExample(f"{record} is lost: it has neither an event nor a dead letter, and is not committed")
    names = ", ".join(str(outcome.record) for outcome in outcomes)
    if len({outcome.body is None for outcome in outcomes}) > 1:
        raise CounterExample(f"{record} has an event and a dead letter: {names}")
    if len(outcomes) > 1 and not guarantees.allow_copies:
        raise CounterExample(f"{record} was published {len(outcomes)} times: {names}")
    if guarantees.is_index_lost:
        return
    ids = {outcome.body["event_id"] for outcome in outcomes if outcome.body is not None}
    if len(ids) > 1:
        raise CounterExample(f"{record} has {len(ids)} different events: {names}")
    if len({outcome.content for outcome in outcomes}) > 1:
        raise CounterExample(f"{record} was published again with other content: {names}")


def _check_content(record: Record, outcomes: Sequence[_PublishedOutcome]) -> None:
    """Check that events are about their article and that dead letters have the bytes of the message, or no bytes."""
    article_id = _article(record).get("id")
    for outcome in outcomes:
        if outcome.body is None:
            value = outcome.record.value
            if value and value != record.value:
                raise CounterExample(f"{outcome.record} does not have the bytes of {record}")
            continue
        event_article_id = outcome.body.get("article", {}).get("id")
        if article_id is not None and event_article_id != article_id:
            raise CounterExample(
                f"{outcome.record} is about article {event_article_id!r}, but {record} is {article_id!r}"
            )
        if outcome.record.header("ce_id") != outcome.body["event_id"].encode():
            raise CounterExample(f"{outcome.record} has different ids in its header and in its body")


def _check_stories(history: History) -> None:
    """Check that each event is in the topic of its type and that the story of each variant was announced."""
    announced = {body["story_id"] for body in _bodies(history.new, _NEW)}
    for record, body in zip(history.variants, _bodies(history.variants, _VARIANT), strict=True):
        if body["story_id"] not in announced:
            raise CounterExample(f"{record} is a variant of story {body['story_id']}, which was not announced")


def _check_merges(
    history: History, outcomes: Mapping[Position, list[_PublishedOutcome]], guarantees: Guarantees
) -> Mapping[str, _PublishedOutcome]:
    """Check the merges and return the first record of each by event id.

    A merge names two stories that were announced, and an article that has an event. Its copies have equal content.
    """
    announced = {body["story_id"] for body in _bodies(history.new, _NEW)}
    by_trace = _articles_by_trace(history)
    merges: dict[str, _PublishedOutcome] = {}
    for record, body in zip(history.merged, _bodies(history.merged, _MERGED), strict=True):
        for story in (body["story_id"], body.get("into")):
            if story not in announced:
                raise CounterExample(f"{record} names story {story}, which was not announced")
        article = by_trace.get(record.header(TRACE) or b"")
        if article is None or outcomes[article.position][0].body is None:
            raise CounterExample(f"{record} was shown by no article with an event")
        _check_content(article, [_PublishedOutcome(record=record, body=body)])
        if record.key != body["story_id"].encode():
            raise CounterExample(f"{record} does not have the merged story as its key")
        merge = _PublishedOutcome(record=record, body=body)
        first = merges.setdefault(body["event_id"], merge)
        if first is merge:
            continue
        if not guarantees.allow_copies:
            raise CounterExample(f"{first.record} and {record} are one merge, published twice")
        if first.content != merge.content and not guarantees.is_index_lost:
            raise CounterExample(f"{first.record} was published again with other content: {record}")
    return merges


def _into(merges: Mapping[str, _PublishedOutcome]) -> Mapping[str, str]:
    """Return the story into which each merged story was merged, and check that chains of merges end."""
    into: dict[str, str] = {}
    for merge in merges.values():
        body = merge.body or {}
        if into.setdefault(body["story_id"], body["into"]) != body["into"]:
            raise CounterExample(f"{merge.record} merges story {body['story_id']} a second time, into another story")
    for merge in merges.values():
        story = (merge.body or {})["story_id"]
        for _ in range(len(into) + 1):
            story = into.get(story, "")
        if story:
            raise CounterExample(f"{merge.record} closes a cycle of merges")
    return into


def _bodies(records: Iterable[Record], event_type: str) -> Iterator[Mapping[str, Any]]:
    for record in records:
        body = _body(record)
        if body.get("type") != event_type or not isinstance(body.get("story_id"), str):
            raise CounterExample(f"{record} is no {event_type}")
        yield body


def _check_founders(inputs: Iterable[Record], outcomes: Mapping[Position, list[_PublishedOutcome]]) -> None:
    """Check that each text is announced as one story at most."""
    founders: dict[str, tuple[Record, str]] = {}
    for record in inputs:
        text = _article(record).get("text")
        for outcome in outcomes[record.position]:
            if text is None or outcome.body is None or outcome.body["type"] != _NEW:
                continue
            story = outcome.body["story_id"]
            first, known = founders.setdefault(text, (record, story))
            if known != story:
                raise CounterExample(f"{first} and {record} have one text and founded two stories, {known} and {story}")


def _check_roots(
    inputs: Iterable[Record], outcomes: Mapping[Position, list[_PublishedOutcome]], into: Mapping[str, str]
) -> None:
    """Check that all events on one text belong to one story, once a consumer has applied every merge."""
    roots: dict[str, tuple[Record, str]] = {}
    for record in inputs:
        text = _article(record).get("text")
        for outcome in outcomes[record.position]:
            if text is None or outcome.body is None:
                continue
            root = outcome.body["story_id"]
            while root in into:
                root = into[root]
            first, known = roots.setdefault(text, (record, root))
            if known != root:
                raise CounterExample(f"{first} and {record} have one text and two stories, {known} and {root}")


def _article(record: Record) -> Mapping[str, Any]:
    try:
        article = json.loads(record.value or b"")
    except ValueError:  # a message that cannot be decoded is an input, too
        return {}
    return article if isinstance(article, dict) else {}
