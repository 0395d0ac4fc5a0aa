"""What happens to a text on its way from page to page: sentences are dropped, letters misread, boilerplate is added.

Pure: every function takes its chance as an argument.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from reprise.synthetic.sites import Site

Sentences = tuple[str, ...]

#: A sentence. Full-width stops and the stops of Indic scripts, Burmese and Khmer need no space behind them.
_SENTENCE: Final = re.compile(r"\S.*?(?:[.!?؟]+[\"'”»)\]]*(?=\s)|[。！？।။។]+[」』”]*|\Z)", re.DOTALL)

#: Phrases that are taken for a sentence where a script has no stops, only spaces between phrases.
_PHRASES: Final = 3

#: What optical character recognition takes for what, in both directions.
_ALIKE: Final = (
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
_CONFUSED: Final[Mapping[str, str]] = dict(_ALIKE) | {other: one for one, other in reversed(_ALIKE)}


def sentences_of(text: str) -> Sentences:
    """Cut a text into sentences, without the white space between them; phrases stand in where no stop divides it."""
    found = tuple(sentence.rstrip() for sentence in _SENTENCE.findall(text))
    if len(found) > 1:
        return found
    phrases = text.split()
    return tuple(" ".join(phrases[at : at + _PHRASES]) for at in range(0, len(phrases), _PHRASES))


def thinned(sentences: Sentences, share: float, chance: Random) -> Sentences:
    """Drop a share of the sentences at random, never the last one left."""
    keep = _left(len(sentences), share)
    return tuple(sentences[at] for at in sorted(chance.sample(range(len(sentences)), keep)))


def shortened(sentences: Sentences, share: float) -> Sentences:
    """Drop a share of the sentences from the end, never the first."""
    return sentences[: _left(len(sentences), share)]


def _left(count: int, share: float) -> int:
    return max(1, count - int(count * share + 0.5))


def misread(text: str, share: float, chance: Random) -> str:
    """Read each character wrongly with a probability of `share`, as optical character recognition does; lines stay.

    A space is lost. Of the other errors half are a confusion of shapes where there is one (rn and m, l and 1), a
    quarter are another letter of the text, an eighth lose the letter, and an eighth add a space behind it.
    """
    letters = sorted({letter for letter in text if letter.isalpha()}) or ["x"]
    return "".join(_misread(text, share, letters, chance))


def _misread(text: str, share: float, letters: Sequence[str], chance: Random) -> Iterator[str]:
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "\n" or chance.random() >= share:
            yield letter
        elif letter != " ":
            # two letters that look like one are taken for it before each of them is judged alone
            pair = text[at - 1 : at + 1]
            kind = chance.randrange(8)
            if kind < 4 and pair in _CONFUSED:
                at += 1
                yield _CONFUSED[pair]
            elif kind < 4 and letter in _CONFUSED:
                yield _CONFUSED[letter]
            elif kind < 6:
                yield chance.choice(letters)
            elif kind == 7:
                yield letter + " "


def furniture(sites: Sequence[Site], headlines: Sequence[str], words: int, *, prose: bool) -> list[str]:
    """Some `words` words of what stands around the texts of these sites, a line each.

    Without prose: menus, headlines and legal lines, each too short for a sentence. With it: consent and subscription
    notices, each a paragraph. Fewer words where the sites have no more.
    """
    lines: list[str] = []
    for site, headline in zip(sites, headlines, strict=True):
        if words <= 0:
            break
        added = [site.sentence_separator.join(site.notices)] if prose else [*site.menu, headline, site.legal]
        lines += filter(None, added)
        words -= sum(len(line.split()) for line in added)
    return lines
