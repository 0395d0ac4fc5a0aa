"""One batch between the ports: which messages are articles, and which records everything leads to.

May live here: what is made of a batch, by pure functions. May not: sending, retries, commits, the loop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from reprise.errors import BadMessage, RepriseError, calls
from reprise.model import Article, DeadReason, Decision, Fingerprint, Message, Outcome, OutputRecord, Unreadable
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
    read = [_article(message, steps, failed) for message in messages if not is_tombstone(message)]
    fingerprints = iter(_together([each[1] for each in read if not isinstance(each, Dead)], steps, failed))
    return [each if isinstance(each, Dead) else _entry(*each, next(fingerprints), steps, failed) for each in read]


def is_tombstone(message: Message | Unreadable) -> bool:
    """Whether a message says that its key is gone."""
    return isinstance(message, Message) and message.value is None


def _article(
    message: Message | Unreadable, steps: Steps, failed: Callable[[Exception], None]
) -> tuple[Message, Article] | Dead:
    if isinstance(message, Unreadable):
        return Dead(message=message, reason=DeadReason.RECORD_UNREADABLE, detail=message.detail)
    article = _tried(message, partial(steps.read, message), failed)
    return article if isinstance(article, Dead) else (message, article)


def _together(
    articles: Sequence[Article], steps: Steps, failed: Callable[[Exception], None]
) -> Sequence[Fingerprint | None]:
    """Fingerprint all articles at once; None for each where that fails: one of them is to blame, no telling which."""
    try:
        return steps.fingerprints(articles)
    except RepriseError:
        raise
    except Exception as error:  # told here, too: alone, none of them may fail
        failed(error)
        return [None] * len(articles)


def _entry(
    message: Message, article: Article, found: Fingerprint | None, steps: Steps, failed: Callable[[Exception], None]
) -> Read | Dead:
    fingerprint = _tried(message, partial(steps.fingerprint, article), failed) if found is None else found
    if isinstance(fingerprint, Dead):
        return fingerprint
    return Read(message=message, article=article, fingerprint=fingerprint)


def _tried(message: Message, step: Callable[[], Made], failed: Callable[[Exception], None]) -> Made | Dead:
    try:
        return step()
    except BadMessage as bad:
        return Dead(message=message, reason=bad.reason, detail=bad.detail)
    except RepriseError:
        raise
    except Exception as error:  # whatever it is, it is about this one message
        failed(error)
        detail = f"{type(error).__name__} at {calls(error)[-1]}"
        return Dead(message=message, reason=DeadReason.UNEXPECTED_ERROR, detail=detail)


def outcomes(
    messages: Sequence[Message | Unreadable],
    entries: Sequence[Read | Dead],
    decisions: Sequence[Decision],
    *,
    steps: Steps,
    now: float,
) -> Sequence[Outcome]:
    """Say what each message leads to, in order. An event too large for its topic becomes a dead letter."""
    found, decided = iter(entries), iter(decisions)

    def outcome(message: Message | Unreadable) -> Outcome:
        if is_tombstone(message):
            return Outcome(message=message)
        entry = next(found)
        if isinstance(entry, Dead):
            return _binned(entry, steps, now)
        event = partial(steps.event_record, entry.article, entry.fingerprint, next(decided), entry.message)
        binned = _binned(Dead(message=entry.message, reason=DeadReason.EVENT_TOO_LARGE, detail=_TOO_LARGE), steps, now)
        return Outcome(message=message, records=(event, *binned.records), reasons=(None, *binned.reasons))

    return [outcome(message) for message in messages]


def _binned(dead: Dead, steps: Steps, now: float) -> Outcome:
    """A dead letter, or where that is too large itself, a notice."""
    records = [partial(make, dead.message, dead.reason, dead.detail, now) for make in (steps.dead_letter, steps.notice)]
    return Outcome(message=dead.message, records=tuple(records), reasons=(dead.reason, dead.reason))


def positions(messages: Iterable[Message | Unreadable]) -> Mapping[Partition, int]:
    """For each partition the position after its last message."""
    after: dict[Partition, int] = {}
    for message in messages:
        partition = (message.topic, message.partition)
        after[partition] = max(after.get(partition, 0), message.offset + 1)
    return after
