"""Read labelled articles from the lines of a file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from reprise.errors import BadMessage, UsageError
from reprise.messages.body import BYTE_ORDER_MARK
from reprise.model import Article, Fingerprint, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledArticle:
    """An article of a labelled file. `label` is its gold story; an article without one is decided but not scored."""

    line: int
    title: str | None
    label: str | None
    fingerprint: Fingerprint

    @property
    def article_id(self) -> str:
        """The article's id. Several lines may share it."""
        return self.fingerprint.article_id

    @property
    def source(self) -> str | None:
        """The site of the article."""
        return self.fingerprint.source


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A line that is no valid article. A worker would send it to the dead letters."""

    line: int
    problem: str


Decode = Callable[[Message], Article]
Fingerprinter = Callable[[Article], Fingerprint]


def read_lines(
    messages: Iterable[Message], decode: Decode, fingerprint: Fingerprinter
) -> Iterator[tuple[LabelledArticle, Article] | RejectedLine]:
    """Decode each message as the worker does, and read its label. Raises UsageError for an invalid `story`."""
    for message in messages:
        try:
            article = decode(message)
        except BadMessage as error:
            yield RejectedLine(line=message.offset, problem=str(error))
            continue
        labelled = LabelledArticle(
            line=message.offset, title=article.title, label=_label(message), fingerprint=fingerprint(article)
        )
        yield labelled, article


def gold_labels(articles: Sequence[LabelledArticle]) -> Mapping[str, str]:
    """Return the label of each article id, from its last labelled line. Raises UsageError if there are no labels."""
    labels = {article.article_id: article.label for article in articles if article.label is not None}
    if not labels:
        raise UsageError("no valid line has a `story`: there is nothing to score")
    return labels


def _label(message: Message) -> str | None:
    label = orjson.loads((message.value or b"").removeprefix(BYTE_ORDER_MARK)).get("story")
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, int):
        return str(label)
    raise UsageError(f"{message.topic}:{message.offset}: story must be a string, an integer or null")
