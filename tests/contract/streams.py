"""Texts and random streams for the index's contract: few words, so that everything happens often."""

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


def sentence(seed: int, words: int = 14) -> str:
    """A sentence of its own, the same for the same seed."""
    return " ".join(random.Random(seed).choices(WORDS, k=words)).capitalize() + "."


def text_of(*seeds: int) -> str:
    """A text of paragraphs of two sentences a seed."""
    return "\n".join(f"{sentence(2 * seed)} {sentence(2 * seed + 1)}" for seed in seeds)


def edited(text: str, *positions: int) -> str:
    """The text with other words at these positions."""
    words = text.split(" ")
    for position in positions:
        words[position] = f"edited{position}"
    return " ".join(words)


def article(
    article_id: str, text: str, *, source: str | None = None, crawled_at_ms: int | None = None, rule: Rule = RULE
) -> Fingerprint:
    """The fingerprint of an article with this text."""
    return fingerprint(Article(article_id=article_id, text=text, source=source, crawled_at_ms=crawled_at_ms), rule)
