"""One batch between the ports: which messages are articles, and which records everything leads to.

May live here: what is made of a batch, by pure functions and a Sink. May not: retries, commits, the loop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from worker.errors import BadMessage, Fatal, RepriseError, calls
from worker.model import Article, DeadReason, Decision, Fingerprint, Message, OutputRecord, Unreadable
from worker.ports import Partition, Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The pure functions between the ports.

    read          a message -> its article; raises BadMessage
    fingerprint   an article -> what the index compares
    event_record  (article, fingerprint, decision, message) -> the event, ready to send
    dead_letter   (message or unreadable position, reason, detail, seconds since the epoch) -> the dead letter
    notice        the same, of headers alone: for a dead letter that is itself too large
    """

    read: Callable[[Message], Article]
    fingerprint: Callable[[Article], Fingerprint]
    event_record: Callable[[Article, Fingerprint, Decision, Message], OutputRecord]
    dead_letter: Callable[[Message | Unreadable, DeadReason, str, float], OutputRecord]
    notice: Callable[[Message | Unreadable, DeadReason, str, float], OutputRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A message that is an article, with its fingerprint."""

    message: Message
    article: Article
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A message that cannot become an article, or whose event cannot be sent."""

    message: Message | Unreadable
    reason: DeadReason
    detail: str


def sort(
    messages: Sequence[Message | Unreadable], steps: Steps, failed: Callable[[Exception], None]
) -> Sequence[Read | Dead]:
    """Tell articles from dead letters, in order; tombstones lead to nothing.

    A message on which a step raises what it should not is a dead letter like any other, and `failed` is told: one
    article must not stop the worker at every restart. Raises RepriseErrors other than BadMessage.
    """
    return [_entry(message, steps, failed) for message in messages if not is_tombstone(message)]


def is_tombstone(message: Message | Unreadable) -> bool:
    """Whether a message says that its key is gone."""
    return isinstance(message, Message) and message.value is None


def _entry(message: Message | Unreadable, steps: Steps, failed: Callable[[Exception], None]) -> Read | Dead:
    if isinstance(message, Unreadable):
        return Dead(message=message, reason=DeadReason.RECORD_UNREADABLE, detail=message.detail)
    try:
        article = steps.read(message)
        return Read(message=message, article=article, fingerprint=steps.fingerprint(article))
    except BadMessage as bad:
        return Dead(message=message, reason=bad.reason, detail=bad.detail)
    except RepriseError:
        raise
    except Exception as error:  # whatever it is, it is about this one message
        failed(error)
        detail = f"{type(error).__name__} at {calls(error)[-1]}"
        return Dead(message=message, reason=DeadReason.UNEXPECTED_ERROR, detail=detail)


def emit(
    entries: Sequence[Read | Dead],
    fingerprints: Sequence[Fingerprint],
    decisions: Sequence[Decision],
    *,
    steps: Steps,
    sink: Sink,
    now: float,
) -> Sequence[DeadReason]:
    """Send what each entry leads to, in order. Returns why messages were binned. Raises Unreachable, Fatal."""
    decided = iter(zip(fingerprints, decisions, strict=True))
    records = []
    for entry in entries:
        if isinstance(entry, Read):
            records.append(steps.event_record(entry.article, *next(decided), entry.message))
        else:
            records.append(steps.dead_letter(entry.message, entry.reason, entry.detail, now))
    too_large = [_too_large(entries[index]) for index in sink.send(records)]
    _shrink(too_large, steps, sink, now)
    events = [dead.reason for dead in too_large if dead.reason is DeadReason.EVENT_TOO_LARGE]
    return [entry.reason for entry in entries if isinstance(entry, Dead)] + events


def _too_large(entry: Read | Dead) -> Dead:
    if isinstance(entry, Dead):
        return entry
    detail = "its event is larger than its topic takes"
    return Dead(message=entry.message, reason=DeadReason.EVENT_TOO_LARGE, detail=detail)


def _shrink(too_large: Sequence[Dead], steps: Steps, sink: Sink, now: float) -> None:
    """Send a smaller record for each that could not be sent: an event's dead letter, a dead letter's notice."""
    if not too_large:
        return
    records = [
        (steps.dead_letter if dead.reason is DeadReason.EVENT_TOO_LARGE else steps.notice)(
            dead.message, dead.reason, dead.detail, now
        )
        for dead in too_large
    ]
    still = [too_large[index] for index in sink.send(records)]
    notices = [steps.notice(dead.message, dead.reason, dead.detail, now) for dead in still]
    if notices and sink.send(notices):
        raise Fatal("a dead letter of headers alone is too large for its topic; raise max.message.bytes")


def positions(messages: Sequence[Message | Unreadable]) -> Mapping[Partition, int]:
    """For each partition the position after its last message."""
    after: dict[Partition, int] = {}
    for message in messages:
        partition = (message.topic, message.partition)
        after[partition] = max(after.get(partition, 0), message.offset + 1)
    return after
