"""An article's text to its fingerprint: what the index needs to know of it."""

from hashlib import blake2b
from typing import Final

from worker.decision import Rule
from worker.model import Article, Fingerprint, Signature
from worker.text.segments import MIN_WORDS_HTML, MIN_WORDS_TEXT, prose
from worker.text.shingles import shingles
from worker.text.signature import sign
from worker.text.tokens import normalise, tokenise
from worker.text.wrapping import unwrap

#: Bytes of a content hash: a collision among 10**12 articles has a chance of 10**-15.
_CONTENT_HASH_BYTES: Final = 16


def fingerprint(article: Article, rule: Rule) -> Fingerprint:
    """Fingerprint one article.

    The content hash is of the kept words in their order: another menu around the text, or other white space and
    punctuation, leaves it as it is. Where nothing reads like prose it is of all words, else of all characters, and
    there is no signature: only an exact copy can match.
    """
    tokens = tokenise(normalise(unwrap(article.text)))
    kept = prose(tokens, MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT)
    signature: Signature | None = None
    if kept.any():
        content = tokens.hashes[kept].tobytes()
        signature = sign(shingles(tokens, kept), rule.permutations, rule.sketch_size)
    else:
        content = tokens.hashes.tobytes() or tokens.text.encode("utf-8", "surrogatepass")
    return Fingerprint(
        article_id=article.article_id,
        content_hash=blake2b(content, digest_size=_CONTENT_HASH_BYTES, person=b"reprise.content").digest(),
        source=article.source,
        crawled_at_ms=article.crawled_at_ms,
        signature=signature,
    )
