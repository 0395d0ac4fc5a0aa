"""Text from outside is made safe to print."""

import pytest

from reprise.sanitize import make_printable, one_line


@pytest.mark.parametrize(
    ("text", "printable"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31mred\x07\r\x9b", "\ufffd[31mred\ufffd\ufffd\ufffd"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("\u200fעברית\u200d", "\u200fעברית\u200d"),
    ],
)
def test_control_characters_are_replaced(text: str, printable: str) -> None:
    """Control characters become U+FFFD, overrides of direction are removed, marks and joiners of scripts stay."""
    assert make_printable(text) == printable


@pytest.mark.parametrize(("text", "line"), [(" a \n b\t c ", "a b c"), ("abcdef", "abcd…"), ("abc  def", "abc…")])
def test_one_line_joins_and_truncates(text: str, line: str) -> None:
    """White space runs become one space, and a text that is too long ends in an ellipsis."""
    assert one_line(text, 5) == line
