"""Foreign articles whose phrases are real: a Markov chain over the words of real ones.

Each word follows the one before it somewhere in the source, so that two words in a row are always real, three often,
and a whole sentence hardly ever. Stock phrases are as frequent as in the source.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

#: Articles written at once, a word of each in one step.
_AT_ONCE: Final = 500

#: Words after which the next full stop ends a paragraph.
_PARAGRAPH: Final = 50


def chained(texts: Iterable[str], count: int, words: int, seed: int) -> Iterator[str]:
    """Write `count` texts of `words` words by chance from the words of `texts`, stops and capitals with them."""
    tokens = [token for text in texts for token in text.split()]
    vocabulary, ids = np.unique(np.array(tokens, dtype=object), return_inverse=True)
    # where each word stands: the positions in the order of their words, and where each word's begin in that order
    positions = np.argsort(ids, kind="stable")
    begins = np.searchsorted(ids[positions], np.arange(len(vocabulary) + 1))
    chance = np.random.default_rng(seed)
    for written in range(0, count, _AT_ONCE):
        at = chance.integers(len(ids), size=min(_AT_ONCE, count - written))
        steps = np.empty((words, len(at)), dtype=np.intp)
        for step in range(words):
            steps[step] = word = ids[at]
            first = begins[word]
            same = positions[first + chance.integers(begins[word + 1] - first)]
            at = (same + 1) % len(ids)
        yield from (_in_paragraphs(vocabulary[column].tolist()) for column in steps.T)


def _in_paragraphs(words: list[str]) -> str:
    lines: list[list[str]] = [[]]
    for word in words:
        lines[-1].append(word)
        if len(lines[-1]) >= _PARAGRAPH and word.endswith("."):
            lines.append([])
    return "\n".join(" ".join(line) for line in lines if line)
