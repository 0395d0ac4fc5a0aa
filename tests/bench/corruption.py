"""Corrupt texts like reprints do: drop sentences, add character recognition errors, add boilerplate."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from reprise.synthetic.sites import Site

Sentences = tuple[str, ...]

#: a sentence; full-width stops and those of Indic scripts, Burmese and Khmer need no space after them
_SENTENCE: Final = re.compile(r"\S.*?(?:[.!?؟]+[\"'”»)\]]*(?=\s)|[。！？।။។]+[」』”]*|\Z)", re.DOTALL)

#: phrases that count as a sentence in a script that has spaces between phrases but no stops
_PHRASES_PER_SENTENCE: Final = 3

#: shapes that optical character recognition confuses, in both directions
_SIMILAR_SHAPES: Final = (
    ("rn", "m"),
    ("cl", "d"),
    ("vv", "w"),
    ("ri", "n"),
    ("li", "h"),
    ("l", "1"),
    ("I", "l"),
    ("O", "0"),
    ("S", "5"),
    ("B", "8"),
    ("e", "c"),
    ("u", "n"),
    ("h", "b"),
    ("f", "t"),
    ("i", "j"),
    ("a", "o"),
    ("é", "e"),
)
_CONFUSIONS: Final[Mapping[str, str]] = dict(_SIMILAR_SHAPES) | {other: one for one, other in reversed(_SIMILAR_SHAPES)}


def split_sentences(text: str) -> Sentences:
    """Split a text into sentences, without the white space between them. A text without stops is split by phrases."""
    sentences = tuple(sentence.rstrip() for sentence in _SENTENCE.findall(text))
    if len(sentences) > 1:
        return sentences
    phrases = text.split()
    return tuple(
        " ".join(phrases[at : at + _PHRASES_PER_SENTENCE]) for at in range(0, len(phrases), _PHRASES_PER_SENTENCE)
    )


def drop_random_sentences(sentences: Sentences, share: float, rng: Random) -> Sentences:
    """Drop a share of the sentences at random, but keep at least one."""
    keep = _remaining(len(sentences), share)
    return tuple(sentences[at] for at in sorted(rng.sample(range(len(sentences)), keep)))


def drop_last_sentences(sentences: Sentences, share: float) -> Sentences:
    """Drop a share of the sentences at the end, but keep the first one."""
    return sentences[: _remaining(len(sentences), share)]


def _remaining(count: int, share: float) -> int:
    return max(1, count - int(count * share + 0.5))


def add_ocr_errors(text: str, share: float, rng: Random) -> str:
    """Corrupt each character with probability `share`, like optical character recognition. Line breaks stay.

    A corrupted space is lost. Of the other errors, half confuse similar shapes (rn and m, l and 1) if there are any, a
    quarter replace the letter by another of the text, an eighth drop it, and an eighth add a space after it.
    """
    letters = sorted({letter for letter in text if letter.isalpha()}) or ["x"]
    return "".join(_corrupt(text, share, letters, rng))


def _corrupt(text: str, share: float, letters: Sequence[str], rng: Random) -> Iterator[str]:
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "\n" or rng.random() >= share:
            yield letter
        elif letter != " ":
            # a pair that looks like one letter is confused as a pair
            pair = text[at - 1 : at + 1]
            error = rng.randrange(8)
            if error < 4 and pair in _CONFUSIONS:
                at += 1
                yield _CONFUSIONS[pair]
            elif error < 4 and letter in _CONFUSIONS:
                yield _CONFUSIONS[letter]
            elif error < 6:
                yield rng.choice(letters)
            elif error == 7:
                yield letter + " "


def boilerplate_lines(sites: Sequence[Site], headlines: Sequence[str], words: int, *, prose: bool) -> list[str]:
    """Return lines of the boilerplate of these sites, together about `words` words.

    With `prose` the lines are consent and subscription notices, each a paragraph. Without it they are menus, headlines
    and legal lines, each shorter than a sentence. The result is shorter if the sites have fewer words.
    """
    lines: list[str] = []
    for site, headline in zip(sites, headlines, strict=True):
        if words <= 0:
            break
        added = [site.sentence_separator.join(site.notices)] if prose else [*site.menu, headline, site.legal]
        lines += filter(None, added)
        words -= sum(len(line.split()) for line in added)
    return lines
