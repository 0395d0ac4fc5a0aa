"""Differences that no reader sees: link targets, marks of footnotes, time codes, tabs for spaces."""

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
    "columns stay": (
        "Home  News  Sports and the weather of this week",
        "Home  News  Sports and the weather of this week",
    ),
    "indents stay": ("    One two.\n    Three four five six.", "    One two.\n    Three four five six."),
    "a menu with no-break spaces stays": (
        f"Home {NBSP}News {NBSP}Sports and the weather of a week",
        f"Home {NBSP}News {NBSP}Sports and the weather of a week",
    ),
    "an address without a scheme": ("See www.site.example/a?b=2, they say.", "See , they say."),
    "an address in brackets": ("It rose (https://site.example/a).", "It rose ()."),
    "two marks of footnotes": ("It rose[1][23] in May.", "It rose in May."),
    "a mark of a footnote between spaces": ("It rose [4] in May.", "It rose in May."),
    "a year in brackets": ("It rose [2025] in May.", "It rose [2025] in May."),
    "a superscript mark": ("The council met¹ and rose.²³ It sat.", "The council met and rose. It sat."),
    "a superscript unit": ("It covers 40 km² of 3 m² each.", "It covers 40 km² of 3 m² each."),
    "a time code in brackets": ("[00:12] We left. [01:02:03] It rained.", " We left. It rained."),
    "time codes at the starts of lines": (
        "It rained.\n00:12 We left.\n1:02:03,500 Why?",
        "It rained.\n We left.\n Why?",
    ),
    "a range of time codes": ("1\n00:00:01,000 --> 00:00:04,000\nWe left.", "1\n\nWe left."),
    "a time in a sentence": ("It left at\n10:45, they say, and at 11:30 again.",) * 2,
    "a tab for each space": ("One\ttwo\tthree.\nFour\tfive.", "One two three.\nFour five."),
    "columns with tabs": ("Home page\tNews of the week\tSports",) * 2,
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
    "a tab for each space": "\t".join,
    "a mark of a footnote in each sentence": lambda words: " ".join([*words[:8], f"{words[8]}[12]", *words[9:]]),
    "a mark of a footnote after a space": lambda words: " ".join([*words[:8], "[3]", *words[8:]]),
    "a superscript mark after each sentence": lambda words: " ".join(words) + "¹²",
    "a time code before each sentence": lambda words: " ".join(["[01:02:03]", *words]),
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


def test_time_codes_at_the_starts_of_lines_are_no_words() -> None:
    """A transcript with a time code before each line has the fingerprint of one without."""
    dice = random.Random(3)
    lines = [" ".join(sentence(dice)) for _ in range(8)]
    plain, timed = (
        "\n".join(["Report", *lines]),
        "\n".join(["Report", *(f"00:{number:02}:07 {line}" for number, line in enumerate(lines))]),
    )
    first, second = (fingerprint(Article(article_id="a", text=text), Rule()) for text in (plain, timed))
    assert (second.content_hash, second.signature) == (first.content_hash, first.signature)


@pytest.mark.parametrize(
    ("one", "other"),
    [("2/6", "2 / 6"), ("10:45", "10.45"), ("3.5%", "3.5 %"), ("40,000", "40.000"), ("1–0", "1 - 0"), ("５", "5")],
)
def test_figures_do_not_depend_on_their_punctuation(one: str, other: str) -> None:
    """A figure with other spaces or separators has the same words."""
    words = sentence(random.Random(4))
    texts = (" ".join([*words[:9], figure, *words[9:]]) for figure in (one, other))
    first, second = (fingerprint(Article(article_id="a", text=text), Rule()) for text in texts)
    assert second.content_hash == first.content_hash


HOSTILE = {
    "links": "[](a" * 100_000,
    "brackets": "[" * 200_000,
    "spaces": "a  " * 100_000,
    "addresses": "http://" * 50_000,
    "full stops": "http://" + "." * 200_000,
    "ends of links": "](" * 100_000,
    "footnotes": "[1] " * 100_000,
    "superscripts": "¹" * 400_000,
    "time codes": "\n1:00 --> " * 50_000,
    "tabs": "\t" * 400_000,
    "addresses without a scheme": "www." * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """Quadratic time would be minutes."""
    assert len(remove_presentation(text)) <= len(text)
