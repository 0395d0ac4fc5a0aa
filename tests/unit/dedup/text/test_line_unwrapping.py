"""Joining the lines of hard-wrapped text."""

import random
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.line_unwrapping import join_wrapped_lines

WORDS = [
    "a",
    "of",
    "the",
    "and",
    "ferry",
    "harbour",
    "crane",
    "blocked",
    "morning",
    "passengers",
    "announced,",
    "northern",
    "quay.",
    "islands",
    "company's",
    "late",
]


def paragraphs(seed: int, count: int = 5, words: int = 70) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(words // 2, words))).capitalize() for _ in range(count)]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(50, 120))
def test_wrapped_paragraphs_are_joined(seed: int, width: int) -> None:
    """Paragraphs wrapped at any usual width become one line each; blank lines are kept."""
    original = paragraphs(seed)
    assert join_wrapped_lines("\n\n".join(textwrap.fill(each, width) for each in original)) == "\n\n".join(original)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(50, 120), indent=st.sampled_from([" ", "    ", "\u3000"]))
def test_indented_lines_start_paragraphs(seed: int, width: int, indent: str) -> None:
    """Without blank lines, an indented line starts a paragraph."""
    original = paragraphs(seed)
    wrapped = "\n".join(textwrap.fill(each, width, initial_indent=indent) for each in original)
    assert join_wrapped_lines(wrapped) == "\n".join(indent + each for each in original)


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_windows_line_ends_are_joined(width: int) -> None:
    """Lines that end in carriage return and line feed are joined, too."""
    original = paragraphs(1)
    wrapped = "\n\n".join(textwrap.fill(each, width) for each in original).replace("\n", "\r\n")
    assert [line for line in join_wrapped_lines(wrapped).split("\n") if line] == original


def test_overlong_line_is_tolerated() -> None:
    """One line in twenty, such as a link, may be wider than the rest."""
    original = paragraphs(2, count=8)
    link = "https://example.org/" + "a" * 200
    wrapped = "\n\n".join([link, *(textwrap.fill(each, 72) for each in original)])
    assert wrapped.count("\n") >= 20
    assert join_wrapped_lines(wrapped) == "\n\n".join([link, *original])


def test_headings_are_tolerated() -> None:
    """Wrapped paragraphs are joined although headings and bylines are short lines."""
    original = paragraphs(3)
    wrapped = "\n\n".join(["Ferry leaves late", "By a reporter", *(textwrap.fill(each, 72) for each in original)])
    assert join_wrapped_lines(wrapped) == "\n\n".join(["Ferry leaves late", "By a reporter", *original])


POEM = """The crane came down at break of day
and no one saw it fall,
the ferry in the harbour lay
beside the customs hall, and all the passengers would say
they had not slept at all."""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line of text that is quite long and goes on until it is about eighty wide.",
        "\n".join(["Home", "News", "Sport", "Weather and travel", "Contact"] * 4),
        "\n".join(f"{number}. Item of a list, with a note{' ' + 'more' * (number % 4)}" for number in range(9)),
        POEM,
        "\n\n".join(paragraphs(4)),
        "\n".join(paragraphs(5)),
        "\n".join(each[: 45 + 13 * number] for number, each in enumerate(paragraphs(6))),
        "\n".join(textwrap.wrap(" ".join(paragraphs(7)), 30)),
        "\n".join(textwrap.wrap(" ".join(paragraphs(8)), 200)),
        "\n".join(textwrap.wrap(" ".join(paragraphs(9)), 72)[:3]),
    ],
    ids=[
        "empty",
        "line",
        "menu",
        "list",
        "poem",
        "blank lines",
        "lines",
        "short lines",
        "narrow",
        "wide",
        "three lines",
    ],
)
def test_other_text_is_unchanged(text: str) -> None:
    """Menus, lists, poems, paragraphs on one line each, narrow columns and wide lines keep every line break."""
    assert join_wrapped_lines(text) == text


@pytest.mark.parametrize("letters", ["紙竹水工匠年月作坊学徒", "กขคงจฉชซฌญ"], ids=["Chinese", "Thai"])
@pytest.mark.parametrize("menu", [[], ["首页", "新闻", "体育"]], ids=["alone", "below a menu"])
def test_paragraphs_without_spaces_are_unchanged(letters: str, menu: list[str]) -> None:
    """Paragraphs without spaces differ in length, so they are not taken for full lines."""
    rng = random.Random(1)
    lines = [*menu, *("".join(rng.choices(letters, k=rng.randint(45, 115))) + "。" for _ in range(9))]
    assert join_wrapped_lines("\n".join(lines)) == "\n".join(lines)


def test_wrapped_text_without_spaces_is_joined() -> None:
    """Lines of ideographs, all cut at one width except the last of each paragraph, are joined."""
    rng = random.Random(2)
    original = ["".join(rng.choices("紙竹水工匠年月作坊学徒", k=rng.randint(180, 300))) for _ in range(4)]
    joined = join_wrapped_lines("\n\n".join("\n".join(textwrap.wrap(each, 42)) for each in original))
    assert [line.replace(" ", "") for line in joined.split("\n") if line] == original


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n\r\t漢"), max_size=400))
def test_words_are_unchanged(text: str) -> None:
    """The words of any text and their order stay the same."""
    assert join_wrapped_lines(text).split() == text.split()
