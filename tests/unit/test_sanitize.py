"""Text from outside, made safe to show."""

import pytest

from reprise.sanitize import one_line, printable


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31mred\x07\r\x9b", "\ufffd[31mred\ufffd\ufffd\ufffd"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("\u200fעברית\u200d", "\u200fעברית\u200d"),
    ],
)
def test_what_steers_a_terminal_is_gone(text: str, safe: str) -> None:
    """Control characters are shown as U+FFFD, overrides of direction vanish, marks and joiners of scripts stay."""
    assert printable(text) == safe


@pytest.mark.parametrize(("text", "line"), [(" a \n b\t c ", "a b c"), ("abcdef", "abcd…"), ("abc  def", "abc…")])
def test_one_line_is_one_line(text: str, line: str) -> None:
    """White space runs are one space, and what is too long ends in an ellipsis."""
    assert one_line(text, 5) == line
