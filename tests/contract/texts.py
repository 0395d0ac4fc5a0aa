"""Texts of few different words for the tests of the index, and their fingerprints."""

import random

from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.model import Article, Fingerprint

RULE = Rule()
WORDS = [
    first + second
    for first in ("ba", "de", "fi", "go", "lu", "mar", "ne", "po", "ri", "sta")
    for second in ("can", "dor", "let", "mi", "no", "rus", "ta", "vel")
]


def make_sentence(seed: int, words: int = 14) -> str:
    """Return a sentence that depends on the seed only."""
    return " ".join(random.Random(seed).choices(WORDS, k=words)).capitalize() + "."


def make_text(*seeds: int) -> str:
    """Return a text with a paragraph of two sentences for each seed."""
    return "\n".join(f"{make_sentence(2 * seed)} {make_sentence(2 * seed + 1)}" for seed in seeds)


def edit_words(text: str, *positions: int) -> str:
    """Return the text with other words at these positions."""
    words = text.split(" ")
    for position in positions:
        words[position] = f"edited{position}"
    return " ".join(words)


def make_fingerprint(
    article_id: str, text: str, *, source: str | None = None, crawled_at_ms: int | None = None, rule: Rule = RULE
) -> Fingerprint:
    """Return the fingerprint of an article with this text."""
    return fingerprint(Article(article_id=article_id, text=text, source=source, crawled_at_ms=crawled_at_ms), rule)
