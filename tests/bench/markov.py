"""Generate articles from real phrases with a Markov chain over the words of real articles.

Each word follows its predecessor somewhere in the source. Two words in a row are therefore always real, three often
are, and a whole sentence hardly ever is. Stock phrases are as frequent as in the source.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

#: articles generated at once, one word of each in a step
_ARTICLES_AT_ONCE: Final = 500

#: words after which the next full stop ends a paragraph
_PARAGRAPH_WORDS: Final = 50


def generate_markov_texts(texts: Iterable[str], count: int, words: int, seed: int) -> Iterator[str]:
    """Yield `count` texts of `words` words. Words keep their punctuation and capitals."""
    tokens = [token for text in texts for token in text.split()]
    vocabulary, ids = np.unique(np.array(tokens, dtype=object), return_inverse=True)
    # `positions` holds the positions of each word in the source, grouped by word; `starts` is where each group starts.
    positions = np.argsort(ids, kind="stable")
    starts = np.searchsorted(ids[positions], np.arange(len(vocabulary) + 1))
    rng = np.random.default_rng(seed)
    for generated in range(0, count, _ARTICLES_AT_ONCE):
        at = rng.integers(len(ids), size=min(_ARTICLES_AT_ONCE, count - generated))
        steps = np.empty((words, len(at)), dtype=np.intp)
        for step in range(words):
            steps[step] = word = ids[at]
            first = starts[word]
            same = positions[first + rng.integers(starts[word + 1] - first)]
            at = (same + 1) % len(ids)
        yield from (_join_paragraphs(vocabulary[column].tolist()) for column in steps.T)


def _join_paragraphs(words: list[str]) -> str:
    lines: list[list[str]] = [[]]
    for word in words:
        lines[-1].append(word)
        if len(lines[-1]) >= _PARAGRAPH_WORDS and word.endswith("."):
            lines.append([])
    return "\n".join(" ".join(line) for line in lines if line)
