"""Insert messages that a worker has to reject, each labelled with the reason of its dead letter.

A malformed message is a damaged copy of an article of the crawl.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from reprise.model import DeadLetterReason
from reprise.synthetic.crawl import GeneratedArticle
from reprise.synthetic.rng import Rng

#: second seed of the draws for malformed messages; the crawl itself uses 0 and 1
_MALFORMED_SEED = 2

#: repetitions that make an id too long: the shortest id has four bytes and the limit is 256
_ID_REPETITIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedMessage:
    """A message that is not a valid article: its bytes and the expected reason of its dead letter."""

    value: bytes
    reason: DeadLetterReason


def insert_malformed(
    articles: Iterable[GeneratedArticle], share: float, seed: int
) -> Iterator[GeneratedArticle | MalformedMessage]:
    """Insert malformed messages before articles, so that `share` (0 <= share < 1) of all messages are malformed.

    Each malformed message is a damaged copy of the article that follows it. Articles and labels do not change.
    """
    rng, reasons = Rng(seed, _MALFORMED_SEED), tuple(_MUTATIONS)
    for generated in articles:
        while share and rng.bernoulli(share):
            reason = rng.choice(reasons)
            yield MalformedMessage(value=_MUTATIONS[reason](generated.article), reason=reason)
        yield generated


def _truncate(article: Mapping[str, str]) -> bytes:
    text = orjson.dumps(article).decode()
    return text[: len(text) // 2].encode()


def _encode_title_in_latin_1(article: Mapping[str, str]) -> bytes:
    """Put a byte into the title that starts no UTF-8 sequence, as on a page decoded with the wrong charset."""
    return orjson.dumps({**article, "title": "\x00"}).replace(b"\\u0000", b"caf\xe9")


def _convert_to_array(article: Mapping[str, str]) -> bytes:
    return orjson.dumps(list(article.values()))


def _convert_text_to_object(article: Mapping[str, str]) -> bytes:
    """Replace the text or page by an object, as an editor of blocks writes it."""
    blocks = {"blocks": [article.get("text") or article["html"]]}
    return orjson.dumps({name: value for name, value in article.items() if name != "html"} | {"text": blocks})


def _remove_text(article: Mapping[str, str]) -> bytes:
    return orjson.dumps({name: value for name, value in article.items() if name not in {"text", "html"}})


def _lengthen_id(article: Mapping[str, str]) -> bytes:
    return orjson.dumps({**article, "id": article["id"] * _ID_REPETITIONS})


_MUTATIONS: Mapping[DeadLetterReason, Callable[[Mapping[str, str]], bytes]] = MappingProxyType(
    {
        DeadLetterReason.NOT_JSON: _truncate,
        DeadLetterReason.NOT_UTF8: _encode_title_in_latin_1,
        DeadLetterReason.NOT_AN_OBJECT: _convert_to_array,
        DeadLetterReason.WRONG_TYPE: _convert_text_to_object,
        DeadLetterReason.NO_TEXT: _remove_text,
        DeadLetterReason.ID_TOO_LONG: _lengthen_id,
    }
)

#: possible reasons of a malformed message
MALFORMED_REASONS: Sequence[DeadLetterReason] = tuple(_MUTATIONS)
