"""One batch between the ports: which messages are articles, and which records everything leads to.

May live here: what is made of a batch, by pure functions. May not: sending, retries, commits, the loop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from reprise.errors import BadMessage, RepriseError, calls
from reprise.model import (
    Article,
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Fingerprint,
    Message,
    Outcome,
    OutputRecord,
)
from reprise.processing.ports import Partition

#: What a dead letter says of an article whose event is larger than max.message.bytes.
_TOO_LARGE: Final = "its event is larger than its topic takes"

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The pure functions between the ports.

    read          a message -> its article; raises BadMessage
    fingerprint   an article -> what the index compares
    fingerprints  the same of several articles at once, in order, in less time
    event_record  (article, fingerprint, decision, message) -> the event, ready to send
    dead_letter   (message or unreadable position, reason, detail, seconds since the epoch) -> the dead letter
    notice        the same, of headers alone: for a dead letter that is itself too large
    """

    read: Callable[[Message], Article]
    fingerprint: Callable[[Article], Fingerprint]
    fingerprints: Callable[[Sequence[Article]], Sequence[Fingerprint]]
    event_record: Callable[[Article, Fingerprint, Decision, Message], OutputRecord]
    dead_letter: Callable[[Message | CorruptRecord, DeadLetterReason, str, float], OutputRecord]
    notice: Callable[[Message | CorruptRecord, DeadLetterReason, str, float], OutputRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A message that is an article, with its fingerprint."""

    message: Message
    article: Article
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that cannot become an article, or whose event cannot be sent."""

    message: Message | CorruptRecord
    reason: DeadLetterReason
    detail: str


def decode_batch(
    messages: Sequence[Message | CorruptRecord], steps: Steps, unexpected_error: Callable[[Exception], None]
) -> Sequence[Decoded | Rejected]:
    """Tell articles from dead letters, in order; tombstones lead to nothing.

    A message on which a step raises what it should not is a dead letter like any other, and `failed` is told: one
    article must not stop the worker at every restart. Raises RepriseErrors other than BadMessage.
    """
    read = [_article(message, steps, unexpected_error) for message in messages if not is_tombstone(message)]
    fingerprints = iter(
        _fingerprint_batch([each[1] for each in read if not isinstance(each, Rejected)], steps, unexpected_error)
    )
    return [
        each if isinstance(each, Rejected) else _entry(*each, next(fingerprints), steps, unexpected_error)
        for each in read
    ]


def is_tombstone(message: Message | CorruptRecord) -> bool:
    """Whether a message says that its key is gone."""
    return isinstance(message, Message) and message.value is None


def _article(
    message: Message | CorruptRecord, steps: Steps, unexpected_error: Callable[[Exception], None]
) -> tuple[Message, Article] | Rejected:
    if isinstance(message, CorruptRecord):
        return Rejected(message=message, reason=DeadLetterReason.RECORD_UNREADABLE, detail=message.detail)
    article = _guard(message, partial(steps.read, message), unexpected_error)
    return article if isinstance(article, Rejected) else (message, article)


def _fingerprint_batch(
    articles: Sequence[Article], steps: Steps, unexpected_error: Callable[[Exception], None]
) -> Sequence[Fingerprint | None]:
    """Fingerprint all articles at once; None for each where that fails: one of them is to blame, no telling which."""
    try:
        return steps.fingerprints(articles)
    except RepriseError:
        raise
    except Exception as error:  # told here, too: alone, none of them may fail
        unexpected_error(error)
        return [None] * len(articles)


def _entry(
    message: Message,
    article: Article,
    found: Fingerprint | None,
    steps: Steps,
    unexpected_error: Callable[[Exception], None],
) -> Decoded | Rejected:
    fingerprint = _guard(message, partial(steps.fingerprint, article), unexpected_error) if found is None else found
    if isinstance(fingerprint, Rejected):
        return fingerprint
    return Decoded(message=message, article=article, fingerprint=fingerprint)


def _guard(
    message: Message, step: Callable[[], Made], unexpected_error: Callable[[Exception], None]
) -> Made | Rejected:
    try:
        return step()
    except BadMessage as bad:
        return Rejected(message=message, reason=bad.reason, detail=bad.detail)
    except RepriseError:
        raise
    except Exception as error:  # whatever it is, it is about this one message
        unexpected_error(error)
        detail = f"{type(error).__name__} at {calls(error)[-1]}"
        return Rejected(message=message, reason=DeadLetterReason.UNEXPECTED_ERROR, detail=detail)


def build_outcomes(
    messages: Sequence[Message | CorruptRecord],
    entries: Sequence[Decoded | Rejected],
    decisions: Sequence[Decision],
    *,
    steps: Steps,
    now: float,
) -> Sequence[Outcome]:
    """Say what each message leads to, in order. An event too large for its topic becomes a dead letter."""
    found, decided = iter(entries), iter(decisions)

    def outcome(message: Message | CorruptRecord) -> Outcome:
        if is_tombstone(message):
            return Outcome(message=message)
        entry = next(found)
        if isinstance(entry, Rejected):
            return _dead_letter_outcome(entry, steps, now)
        event = partial(steps.event_record, entry.article, entry.fingerprint, next(decided), entry.message)
        dead_lettered = _dead_letter_outcome(
            Rejected(message=entry.message, reason=DeadLetterReason.EVENT_TOO_LARGE, detail=_TOO_LARGE), steps, now
        )
        return Outcome(message=message, records=(event, *dead_lettered.records), reasons=(None, *dead_lettered.reasons))

    return [outcome(message) for message in messages]


def _dead_letter_outcome(dead: Rejected, steps: Steps, now: float) -> Outcome:
    """A dead letter, or where that is too large itself, a notice."""
    records = [partial(make, dead.message, dead.reason, dead.detail, now) for make in (steps.dead_letter, steps.notice)]
    return Outcome(message=dead.message, records=tuple(records), reasons=(dead.reason, dead.reason))


def positions(messages: Iterable[Message | CorruptRecord]) -> Mapping[Partition, int]:
    """For each partition the position after its last message."""
    after: dict[Partition, int] = {}
    for message in messages:
        partition = (message.topic, message.partition)
        after[partition] = max(after.get(partition, 0), message.offset + 1)
    return after
