"""The pure steps of one batch: messages to articles with fingerprints, decisions to outcomes.

Sending, retries and commits are elsewhere: in at_least_once.py, retry.py and the adapters.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, overload

from reprise.errors import BadMessage, RepriseError, SkippedMessage, traceback_lines
from reprise.model import (
    Article,
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Fingerprint,
    Message,
    Outcome,
    OutputRecord,
    Rejection,
)
from reprise.processing.ports import Observer, Partition
from reprise.processing.processor import ArticleProcessor

#: Rejection of an article whose event is larger than its topic's max.message.bytes.
_EVENT_TOO_LARGE: Final = Rejection(
    reason=DeadLetterReason.EVENT_TOO_LARGE, detail="its event is larger than its topic takes"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A message that is an article, with its fingerprint."""

    message: Message
    article: Article
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that cannot become an article."""

    message: Message | CorruptRecord
    rejection: Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A message that is no article, such as the deletion of a row."""

    message: Message


#: A message that is no tombstone, after its steps.
Entry = Decoded | Rejected | Skipped


def decode_batch(
    messages: Sequence[Message | CorruptRecord],
    processor: ArticleProcessor,
    observer: Observer,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> tuple[int, Sequence[Entry]]:
    """Decode and fingerprint the first messages of a batch, in order, without its tombstones.

    is_over  called before each message: no further one is decoded once it returns true

    Returns the number of messages that were decoded or skipped, and an entry for each but the tombstones.

    A message on which a step raises an unexpected exception is rejected like a bad one, and the observer receives the
    exception: one article must not stop the worker at every restart. Raises RepriseErrors other than BadMessage.
    """
    articles = []
    count = 0
    for message in messages:
        if is_over():
            break
        count += 1
        if not is_tombstone(message):
            articles.append(_decode(message, processor, observer))
    decoded = [entry for entry in articles if isinstance(entry, tuple)]
    observer.decoded([article for _, article in decoded])
    fingerprints = iter(_fingerprint_batch([article for _, article in decoded], processor, observer))
    return count, [
        _attach_fingerprint(*entry, next(fingerprints), processor, observer) if isinstance(entry, tuple) else entry
        for entry in articles
    ]


def is_tombstone(message: Message | CorruptRecord) -> bool:
    """Whether a message has a null value: its key was deleted."""
    return isinstance(message, Message) and message.value is None


def _decode(
    message: Message | CorruptRecord, processor: ArticleProcessor, observer: Observer
) -> tuple[Message, Article] | Rejected | Skipped:
    if isinstance(message, CorruptRecord):
        rejection = Rejection(reason=message.reason, detail=message.detail)
        return Rejected(message=message, rejection=rejection)
    article = _guard(message, partial(processor.decode, message), observer)
    return (message, article) if isinstance(article, Article) else article


def _fingerprint_batch(
    articles: Sequence[Article], processor: ArticleProcessor, observer: Observer
) -> Sequence[Fingerprint | None]:
    """Fingerprint all articles in one call. If it fails, return None for each: the caller retries one by one."""
    try:
        return processor.fingerprint_batch(articles)
    except RepriseError:
        raise
    except Exception as error:  # reported here as well: one by one, none of them may fail
        observer.unexpected_error(error)
        return [None] * len(articles)


def _attach_fingerprint(
    message: Message, article: Article, found: Fingerprint | None, processor: ArticleProcessor, observer: Observer
) -> Entry:
    fingerprint = _guard(message, partial(processor.fingerprint, article), observer) if found is None else found
    if not isinstance(fingerprint, Fingerprint):
        return fingerprint
    return Decoded(message=message, article=article, fingerprint=fingerprint)


def _guard(message: Message, step: Callable[[], T], observer: Observer) -> T | Rejected | Skipped:
    """Run a step on one message; skip or reject the message if the step raises."""
    try:
        return step()
    except SkippedMessage:
        return Skipped(message=message)
    except BadMessage as bad:
        return Rejected(message=message, rejection=Rejection(reason=bad.reason, detail=bad.detail))
    except RepriseError:
        raise
    except Exception as error:  # any exception of a step concerns this one message
        observer.unexpected_error(error)
        detail = f"{type(error).__name__} at {traceback_lines(error)[-1]}"
        return Rejected(message=message, rejection=Rejection(reason=DeadLetterReason.UNEXPECTED_ERROR, detail=detail))


def build_outcomes(
    messages: Sequence[Message | CorruptRecord],
    entries: Sequence[Entry],
    decisions: Sequence[Decision],
    *,
    processor: ArticleProcessor,
    now: float,
) -> Sequence[Outcome]:
    """Build the outcome of each message, in order.

    entries    what `decode_batch` returned
    decisions  one for each Decoded, in order
    now        seconds since the epoch, for dead letters
    """
    left_entries, left_decisions = iter(entries), iter(decisions)

    def outcome(message: Message | CorruptRecord) -> Outcome:
        if is_tombstone(message):
            return Outcome(message=message)
        entry = next(left_entries)
        if isinstance(entry, Skipped):
            return Outcome(message=message)
        if isinstance(entry, Rejected):
            return _dead_letter_outcome(entry, processor, now)
        decision = next(left_decisions)
        if not decision.is_article:
            rejection = _no_article(entry.article, decision)
            return _dead_letter_outcome(Rejected(message=message, rejection=rejection), processor, now)
        return Outcome(
            message=message,
            record=processor.event(entry.article, entry.fingerprint, decision, entry.message),
            fallbacks=_OversizedEventFallbacks(entry.message, processor, now),
            merges=processor.merges(entry.article, entry.fingerprint, decision, entry.message),
        )

    return [outcome(message) for message in messages]


def _no_article(article: Article, decision: Decision) -> Rejection:
    detail = (
        f"the page shows a notice in place of an article: the same text stands at other addresses, such as that of "
        f"article {decision.matched_article_id}"
    )
    return Rejection(reason=DeadLetterReason.NO_ARTICLE, detail=detail, source=article.source)


@dataclass(frozen=True, slots=True)
class _OversizedEventFallbacks(Sequence[OutputRecord]):
    """The dead letter and the notice of an article whose event is too large for its topic.

    Built on access: nearly no event is too large, and building both takes 30 microseconds, four times the event's own.
    """

    message: Message
    processor: ArticleProcessor
    now: float

    def __len__(self) -> int:
        return 2

    @overload
    def __getitem__(self, index: int) -> OutputRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[OutputRecord]: ...
    def __getitem__(self, index: int | slice) -> OutputRecord | Sequence[OutputRecord]:
        return (
            self.processor.dead_letter(self.message, _EVENT_TOO_LARGE, self.now),
            self.processor.dead_letter_notice(self.message, _EVENT_TOO_LARGE, self.now),
        )[index]


def _dead_letter_outcome(rejected: Rejected, processor: ArticleProcessor, now: float) -> Outcome:
    """Build the outcome of a rejected message: its dead letter, or a notice where the dead letter is too large."""
    return Outcome(
        message=rejected.message,
        record=processor.dead_letter(rejected.message, rejected.rejection, now),
        fallbacks=(processor.dead_letter_notice(rejected.message, rejected.rejection, now),),
    )


def next_offsets(messages: Iterable[Message | CorruptRecord]) -> Mapping[Partition, int]:
    """Return, for each partition, the offset behind its last message: the offset to commit."""
    offsets: dict[Partition, int] = {}
    for message in messages:
        partition = (message.topic, message.partition)
        offsets[partition] = max(offsets.get(partition, 0), message.offset + 1)
    return offsets
