"""An article's text to its fingerprint: what the index needs to know of it."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.decision import Rule
from reprise.dedup.text.line_unwrapping import unwrap
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import hash_shingles
from reprise.dedup.text.signature import sign
from reprise.dedup.text.tokens import Tokens, normalise, tokenise
from reprise.model import Article, Fingerprint

#: Bytes of a content hash: a collision among 10**12 articles has a chance of 10**-15.
_CONTENT_HASH_BYTES: Final = 16

#: Characters that are tokenised together: some ten pages. Twice as many gain 3 %, half as many lose 15 %; and it stays
#: below the length for which hashing keeps its powers, with what normalisation adds.
_TOGETHER: Final = 60_000


def fingerprint(article: Article, rule: Rule) -> Fingerprint:
    """Fingerprint one article.

    The content hash is of the kept words in their order: another menu around the text, or other white space and
    punctuation, leaves it as it is. Where nothing reads like prose it is of all words, else of all characters, and
    there is no signature: only an exact copy can match.
    """
    return _fingerprints([article], rule)[0]


def fingerprint_batch(articles: Sequence[Article], rule: Rule) -> Sequence[Fingerprint]:
    """Fingerprint articles, in order, each as `fingerprint` would.

    Several at once take little more than half of the time: a page's arrays are so short that every call of numpy costs
    as much as its work.
    """
    found: dict[int, Fingerprint] = {}
    for numbers in _groups(articles):
        found.update(zip(numbers, _fingerprints([articles[number] for number in numbers], rule), strict=True))
    return [found[number] for number in range(len(articles))]


def _groups(articles: Sequence[Article]) -> Iterator[Sequence[int]]:
    """Numbers of articles to be fingerprinted together: of one kind, and not too long in all, unless alone."""
    for extracted in (False, True):
        group: list[int] = []
        characters = 0
        for number, article in enumerate(articles):
            if article.extracted is not extracted:
                continue
            if group and characters + len(article.text) > _TOGETHER:
                yield group
                group, characters = [], 0
            group.append(number)
            characters += len(article.text)
        if group:
            yield group


def _fingerprints(articles: Sequence[Article], rule: Rule) -> Sequence[Fingerprint]:
    tokens = tokenise(*(normalise(unwrap(article.text)) for article in articles))
    kept = keep_prose(tokens, MIN_WORDS_HTML if articles[0].extracted else MIN_WORDS_TEXT)
    return [
        Fingerprint(
            article_id=article.article_id,
            content_hash=_content_hash(tokens, number, page, kept[page]),
            namespace=article.namespace,
            source=article.source,
            crawled_at_ms=article.crawled_at_ms,
            signature=sign(found, rule.permutations, rule.sketch_size) if found else None,
        )
        for number, (article, page, found) in enumerate(
            zip(articles, tokens.pages, hash_shingles(tokens, kept), strict=True)
        )
    ]


def _content_hash(tokens: Tokens, number: int, page: slice, kept: NDArray[np.bool_]) -> bytes:
    hashes = tokens.hashes[page]
    content = hashes[kept].tobytes() or hashes.tobytes() or tokens.page_text(number).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=_CONTENT_HASH_BYTES, person=b"reprise.content").digest()
