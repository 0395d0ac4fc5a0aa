"""Hard-wrapped text."""

import random
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.line_unwrapping import unwrap

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
    """Text wrapped at any usual width comes back as its paragraphs, a line each, blank lines kept."""
    original = paragraphs(seed)
    assert unwrap("\n\n".join(textwrap.fill(each, width) for each in original)) == "\n\n".join(original)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(50, 120), indent=st.sampled_from([" ", "    ", "\u3000"]))
def test_indented_lines_begin_paragraphs(seed: int, width: int, indent: str) -> None:
    """Without blank lines an indentation tells where a paragraph begins."""
    original = paragraphs(seed)
    wrapped = "\n".join(textwrap.fill(each, width, initial_indent=indent) for each in original)
    assert unwrap(wrapped) == "\n".join(indent + each for each in original)


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_line_ends_of_windows_are_joined(width: int) -> None:
    """Carriage returns make no difference."""
    original = paragraphs(1)
    wrapped = "\n\n".join(textwrap.fill(each, width) for each in original).replace("\n", "\r\n")
    assert [line for line in unwrap(wrapped).split("\n") if line] == original


def test_an_overlong_line_is_tolerated() -> None:
    """One line in twenty, as a link, may be wider than the rest."""
    original = paragraphs(2, count=8)
    link = "https://example.org/" + "a" * 200
    wrapped = "\n\n".join([link, *(textwrap.fill(each, 72) for each in original)])
    assert wrapped.count("\n") >= 20
    assert unwrap(wrapped) == "\n\n".join([link, *original])


def test_a_heading_is_tolerated() -> None:
    """Headings and bylines between wrapped paragraphs do not hide that the text is wrapped."""
    original = paragraphs(3)
    wrapped = "\n\n".join(["Ferry leaves late", "By a reporter", *(textwrap.fill(each, 72) for each in original)])
    assert unwrap(wrapped) == "\n\n".join(["Ferry leaves late", "By a reporter", *original])


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
def test_other_text_is_left_as_it_is(text: str) -> None:
    """Menus, lists, poems, paragraphs on a line each, columns and broad lines keep every line break."""
    assert unwrap(text) == text


@pytest.mark.parametrize("letters", ["紙竹水工匠年月作坊学徒", "กขคงจฉชซฌญ"], ids=["Chinese", "Thai"])
@pytest.mark.parametrize("menu", [[], ["首页", "新闻", "体育"]], ids=["alone", "below a menu"])
def test_paragraphs_without_spaces_are_left_as_they_are(letters: str, menu: list[str]) -> None:
    """A line without a space is not a line whose next word did not fit: such paragraphs differ in length."""
    rng = random.Random(1)
    lines = [*menu, *("".join(rng.choices(letters, k=rng.randint(45, 115))) + "。" for _ in range(9))]
    assert unwrap("\n".join(lines)) == "\n".join(lines)


def test_wrapped_text_without_spaces_is_joined() -> None:
    """Ideographs cut at one width, but for the last line of each paragraph, are joined."""
    rng = random.Random(2)
    original = ["".join(rng.choices("紙竹水工匠年月作坊学徒", k=rng.randint(180, 300))) for _ in range(4)]
    joined = unwrap("\n\n".join("\n".join(textwrap.wrap(each, 42)) for each in original))
    assert [line.replace(" ", "") for line in joined.split("\n") if line] == original


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n\r\t漢"), max_size=400))
def test_no_text_loses_a_word(text: str) -> None:
    """Whatever is joined, the words and their order stay."""
    assert unwrap(text).split() == text.split()
