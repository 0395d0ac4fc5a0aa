"""Make the fingerprint of an article: the content hash and the signature that the index compares."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.page_identity import identify_page
from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TEXT_BACKEND, TextBackend
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.native import sign_texts
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.presentation import remove_presentation
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import hash_shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import WORDS_PER_SHINGLE, Tokens, tokenise
from reprise.model import FIXED_SEED, Article, Fingerprint, Signature

#: Bytes of a content hash. With 128 bits, two of 10**12 articles collide with a chance of 10**-15.
_CONTENT_HASH_BYTES: Final = 16

#: Maximum characters of texts that are tokenised together, about ten pages. Twice as many are 3 % faster, half as many
#: 15 % slower. With the growth by normalisation it stays below hashing.PRECOMPUTED_POWERS.
MAX_BATCH_CHARACTERS: Final = 60_000

#: Weight of a token in tenths of a word, by the tokens of its shingle; see Tokens.word_weights. Integers, because a sum
#: of fractions depends on the order of its terms.
_WEIGHT_TENTHS: Final = np.array([0, *(10 * WORDS_PER_SHINGLE // length for length in range(1, 7))])


def fingerprint(
    article: Article, rule: Rule, *, seed: int = FIXED_SEED, backend: TextBackend = TEXT_BACKEND
) -> Fingerprint:
    """Return the fingerprint of an article. `seed` is that of the MinHash permutations.

    The content hash covers the kept words in order, so it does not depend on menus, white space or punctuation. It
    covers all words if less than half of them are kept, because pages with one sentence in common are no copies, and
    all characters if there is no word. If no segment of the text is prose, the signature is None, and only an exact
    copy can match.
    """
    return fingerprint_batch([article], rule, seed=seed, backend=backend)[0]


def fingerprint_batch(
    articles: Sequence[Article], rule: Rule, *, seed: int = FIXED_SEED, backend: TextBackend = TEXT_BACKEND
) -> Sequence[Fingerprint]:
    """Return the fingerprints of articles, in order. The results equal those of `fingerprint`."""
    sign = _sign_natively if backend is TextBackend.NATIVE else _sign_with_numpy
    return [
        Fingerprint(
            article_id=article.article_id,
            content_hash=content_hash,
            namespace=article.namespace,
            source=article.source,
            crawled_at_ms=article.crawled_at_ms,
            signature=signature,
            seed=seed,
            page=identify_page(article),
        )
        for article, (content_hash, signature) in zip(articles, sign(articles, rule, seed), strict=True)
    ]


def _sign_natively(articles: Sequence[Article], rule: Rule, seed: int) -> Sequence[tuple[bytes, Signature | None]]:
    """Return the content hash and the signature of each article."""
    texts = [(article.text, _min_words(article)) for article in articles]
    return sign_texts(texts, rule.permutations, rule.sketch_size, seed)


def _sign_with_numpy(articles: Sequence[Article], rule: Rule, seed: int) -> Sequence[tuple[bytes, Signature | None]]:
    """Return the content hash and the signature of each article.

    Texts are processed together, which takes little more than half of the time: the arrays of a page are so short that
    the overhead of a numpy call is as large as its work.
    """
    signed: dict[int, tuple[bytes, Signature | None]] = {}
    for indexes in _batches(articles):
        batch = [articles[index] for index in indexes]
        signed.update(zip(indexes, _sign_together(batch, rule, seed), strict=True))
    return [signed[index] for index in range(len(articles))]


def _batches(articles: Sequence[Article]) -> Iterator[Sequence[int]]:
    """Yield indexes of articles to process together.

    The articles of a batch are all extracted from HTML or all plain. A batch of several articles has at most
    MAX_BATCH_CHARACTERS.
    """
    for extracted in (False, True):
        batch: list[int] = []
        characters = 0
        for index, article in enumerate(articles):
            if article.extracted is not extracted:
                continue
            if batch and characters + len(article.text) > MAX_BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
            batch.append(index)
            characters += len(article.text)
        if batch:
            yield batch


def _sign_together(articles: Sequence[Article], rule: Rule, seed: int) -> Sequence[tuple[bytes, Signature | None]]:
    tokens = tokenise(*(normalise(join_wrapped_lines(remove_presentation(article.text))) for article in articles))
    kept = keep_prose(tokens, _min_words(articles[0]))
    return [
        (content_hash, make_signature(shingles, rule.permutations, rule.sketch_size, seed) if shingles else None)
        for content_hash, shingles in zip(_content_hashes(tokens, kept), hash_shingles(tokens, kept), strict=True)
    ]


def _min_words(article: Article) -> int:
    return MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT


def _content_hashes(tokens: Tokens, kept: NDArray[np.bool_]) -> Iterator[bytes]:
    """Yield the content hash of each of the texts that were tokenised together."""
    tenths = _WEIGHT_TENTHS.take(tokens.shingle_lengths)
    totals, kept_totals = (np.concatenate(((0,), weights.cumsum())) for weights in (tenths, tenths * kept))
    for number, text in enumerate(tokens.text_slices):
        hashes = tokens.hashes[text]
        if 2 * (kept_totals[text.stop] - kept_totals[text.start]) >= totals[text.stop] - totals[text.start]:
            hashes = hashes[kept[text]]
        content = hashes.tobytes() or tokens.text_at(number).encode("utf-8", "surrogatepass")
        yield blake2b(content, digest_size=_CONTENT_HASH_BYTES, person=b"reprise.content").digest()
