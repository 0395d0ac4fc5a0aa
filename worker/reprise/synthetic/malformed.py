"""Messages that no worker can read, strewn among the articles, each with the reason that it should be binned for.

May live here: ways to damage an article that is otherwise of the crawl.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from reprise.model import DeadLetterReason
from reprise.synthetic.crawl import GeneratedArticle
from reprise.synthetic.rng import Rng

#: Seeds the draw of what is broken; the crawl's own draws have 0 and 1.
_BROKEN = 2

#: times that an id is repeated to be too long; the shortest has four bytes, and 256 are allowed
_REPEATED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedMessage:
    """The bytes of a message that cannot become an article, and the dead letter's reason."""

    value: bytes
    reason: DeadLetterReason


def insert_malformed(
    articles: Iterable[GeneratedArticle], share: float, seed: int
) -> Iterator[GeneratedArticle | MalformedMessage]:
    """Put broken messages between the articles, so that `share` (0 up to but not 1) of all messages are broken.

    Each is a damaged copy of the article that follows: the articles and their labels stay what they are.
    """
    dice, ways = Rng(seed, _BROKEN), tuple(_DAMAGES)
    for labelled in articles:
        while share and dice.chance(share):
            reason = dice.pick(ways)
            yield MalformedMessage(value=_DAMAGES[reason](labelled.article), reason=reason)
        yield labelled


def _cut_short(article: Mapping[str, str]) -> bytes:
    text = orjson.dumps(article).decode()
    return text[: len(text) // 2].encode()


def _in_latin_1(article: Mapping[str, str]) -> bytes:
    """Add a byte that begins no character in UTF-8, as pages do that another encoding was forgotten of."""
    return orjson.dumps({**article, "title": "\x00"}).replace(b"\\u0000", b"caf\xe9")


def _as_array(article: Mapping[str, str]) -> bytes:
    return orjson.dumps(list(article.values()))


def _with_a_list(article: Mapping[str, str]) -> bytes:
    return orjson.dumps({**article, "title": [article["title"]]})


def _without_text(article: Mapping[str, str]) -> bytes:
    return orjson.dumps({name: value for name, value in article.items() if name not in {"text", "html"}})


def _with_a_long_id(article: Mapping[str, str]) -> bytes:
    return orjson.dumps({**article, "id": article["id"] * _REPEATED})


_DAMAGES: Mapping[DeadLetterReason, Callable[[Mapping[str, str]], bytes]] = MappingProxyType(
    {
        DeadLetterReason.NOT_JSON: _cut_short,
        DeadLetterReason.NOT_UTF8: _in_latin_1,
        DeadLetterReason.NOT_AN_OBJECT: _as_array,
        DeadLetterReason.WRONG_TYPE: _with_a_list,
        DeadLetterReason.NO_TEXT: _without_text,
        DeadLetterReason.ID_TOO_LONG: _with_a_long_id,
    }
)

#: What a broken message may be: the label of its gold.
REASONS: Sequence[DeadLetterReason] = tuple(_DAMAGES)
