"""Differences that no reader sees: link targets, doubled spaces, letters with several code points."""

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.presentation import remove_presentation
from reprise.model import Article

Join = Callable[[Sequence[str]], str]

NBSP = "\u00a0"

CASES = {
    "a link": ("A [new budget](https://site.example/2025/3/5) is due.", "A new budget is due."),
    "a link with a title": ('A [budget](/x "The 2025 budget") is due.', "A budget is due."),
    "a link with brackets in its target": ("[Mercury](https://e.example/Mercury_(planet)) is hot.", "Mercury is hot."),
    "an image": ("![A chart](chart.png) It rose.", "A chart It rose."),
    "no link": ("He [the mayor] said (in 2025) no.", "He [the mayor] said (in 2025) no."),
    "an address": ("See https://site.example/a?b=2. It is new.", "See . It is new."),
    "two spaces between all words": ("One  two  three.\nFour  five.", "One two three.\nFour five."),
    "columns stay": (
        "Home  News  Sports and the weather of this week",
        "Home  News  Sports and the weather of this week",
    ),
    "two spaces after a comma": (
        "Rain, sun,  and wind came in one long day.",
        "Rain, sun, and wind came in one long day.",
    ),
    "indents stay": ("    One two.\n    Three four five six.", "    One two.\n    Three four five six."),
    "a no-break space behind a space": (f"the old {NBSP}bridge was shut", "the old bridge was shut"),
    "a no-break space before a space": (f"the old{NBSP} bridge was shut", "the old bridge was shut"),
    "a menu with no-break spaces stays": (
        f"Home {NBSP}News {NBSP}Sports and the weather of a week",
        f"Home {NBSP}News {NBSP}Sports and the weather of a week",
    ),
    "Arabic yeh and kaf": ("\u064a\u0643", "\u06cc\u06a9"),
    "a stretched word": ("\u0639\u0640\u0640\u0631", "\u0639\u0631"),
    "Romanian cedillas": ("ştiinţă", "științ\u0103"),
    "Russian io": ("ещё", "еще"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_presentation_is_removed(text: str, expected: str) -> None:
    """Invisible markup is removed; visible text stays."""
    assert remove_presentation(text) == expected


def sentence(dice: random.Random) -> list[str]:
    return ["The", *("".join(dice.choices("abdegilmnorstu", k=dice.randint(2, 8))) for _ in range(17)), "the", "end."]


PRESENTATIONS: Mapping[str, Join] = {
    "two spaces": "  ".join,
    "three spaces": "   ".join,
    "no-break spaces": f"{NBSP} ".join,
    "links": lambda words: " ".join(
        f"[{word}](https://site.example/{number}/{word})" if number % 4 == 3 else word
        for number, word in enumerate(words)
    ),
    "an address in each sentence": lambda words: " ".join([*words[:9], "https://site.example/2025/03/05", *words[9:]]),
}


@pytest.mark.parametrize("present", PRESENTATIONS.values(), ids=PRESENTATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_a_text_is_the_same_in_each_presentation(present: Join, seed: int) -> None:
    """The fingerprint is that of the plain text."""
    dice = random.Random(seed)
    lines = [[sentence(dice) for _ in range(3)] for _ in range(8)]

    def sign(join: Join) -> tuple[bytes, object]:
        text = "\n".join(" ".join(join(words) for words in line) for line in lines)
        made = fingerprint(Article(article_id="a", text=text), Rule())
        return made.content_hash, made.signature

    plain = sign(" ".join)
    assert plain[1] is not None
    assert sign(present) == plain


@pytest.mark.parametrize(
    "text",
    ["[](a" * 100_000, "[" * 200_000, "a  " * 100_000, "http://" * 50_000, "http://" + "." * 200_000, "](" * 100_000],
    ids=["links", "brackets", "spaces", "addresses", "full stops", "ends of links"],
)
@pytest.mark.timeout(20)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """Quadratic time would be minutes."""
    assert len(remove_presentation(text)) <= len(text)
