"""Labelled articles: what an evaluation keeps of each line of its file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from reprise.errors import BadMessage, UsageError
from reprise.messages.decoder import BYTE_ORDER_MARK
from reprise.model import Article, Fingerprint, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledArticle:
    """One line. `label` is its gold story; None where it is replayed and not scored."""

    line: int
    title: str | None
    label: str | None
    fingerprint: Fingerprint

    @property
    def article_id(self) -> str:
        """The article's id; several lines may have it."""
        return self.fingerprint.article_id

    @property
    def source(self) -> str | None:
        """The site."""
        return self.fingerprint.source


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A line that is no article: the worker would have put it into the dead letters."""

    line: int
    problem: str


Read = Callable[[Message], Article]
Fingerprinter = Callable[[Article], Fingerprint]


def read_lines(
    messages: Iterable[Message], read: Read, fingerprint: Fingerprinter
) -> Iterator[tuple[LabelledArticle, Article] | RejectedLine]:
    """Read each line as the worker does, and its label. Raises UsageError where `story` is no label."""
    for message in messages:
        try:
            article = read(message)
        except BadMessage as bad:
            yield RejectedLine(line=message.offset, problem=str(bad))
            continue
        labelled = LabelledArticle(
            line=message.offset, title=article.title, label=_label(message), fingerprint=fingerprint(article)
        )
        yield labelled, article


def gold_labels(labelled: Sequence[LabelledArticle]) -> Mapping[str, str]:
    """Article id -> label, of the last line that has one. Raises UsageError where no line has."""
    labels = {each.article_id: each.label for each in labelled if each.label is not None}
    if not labels:
        raise UsageError("no line that can be read has a `story`: there is nothing to score")
    return labels


def _label(message: Message) -> str | None:
    label = orjson.loads((message.value or b"").removeprefix(BYTE_ORDER_MARK)).get("story")
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, int):
        return str(label)
    raise UsageError(f"{message.topic}:{message.offset}: story is neither a string, a number nor null")
