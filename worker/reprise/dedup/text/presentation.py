"""Remove what differs between two copies of a text although a reader sees no difference.

These are the targets of links in Markdown and plain addresses, marks of footnotes, time codes of transcripts, and tabs
in place of spaces. Later steps read through line breaks and doubled spaces (line_unwrapping.py, layout.py) and fold
letters (normalisation.py).
"""

import re
from typing import Final

#: A Markdown link or image, `[text](target "title")`; the text stays. A longer target is not a link. Each part has a
#: maximum, so that the time is linear in the text.
_MARKDOWN_LINK: Final = re.compile(
    r"!?\[([^\[\]\n]{0,500})\]"
    r"\([^()\s]{1,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?: \"[^\"\n]{0,200}\")?\)"
)

#: The rest of a plain address, and the space behind it. Closing punctuation belongs to the sentence.
_ADDRESS_END: Final = r"[^\s<>\"]{1,2000}(?<![.,;:!?)\]'’”»]) ?"
_ADDRESS: Final = re.compile(rf"https?://{_ADDRESS_END}")
_ADDRESS_WITHOUT_SCHEME: Final = re.compile(rf"www\.{_ADDRESS_END}")

#: The mark of a footnote or a time code in brackets, and the space behind it.
_BRACKETED: Final = re.compile(r"\[\d{1,3}(?::\d\d){0,2}\]( ?)")

#: The mark of a footnote after a word or a punctuation mark. After one or two letters it is a unit, such as m².
_SUPERSCRIPT_DIGITS: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUPERSCRIPT: Final = re.compile(
    rf"[{_SUPERSCRIPT_DIGITS}]+(?:(?<=[^\W\d_]{{3}}[{_SUPERSCRIPT_DIGITS}])"
    rf"|(?<=[^\W\d_]{{3}}[{_SUPERSCRIPT_DIGITS}]{{2}})|(?<=[.,;:!?)\"'’”»][{_SUPERSCRIPT_DIGITS}])"
    rf"|(?<=[.,;:!?)\"'’”»][{_SUPERSCRIPT_DIGITS}]{{2}}))"
)

#: A time code at the start of a line, as subtitles and transcripts have it.
_TIME: Final = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?"
_TIME_CODE: Final = re.compile(rf"\n{_TIME}(?: *--> *{_TIME})?(?=\s)")


def remove_presentation(text: str) -> str:
    """Return the text without addresses, marks of footnotes and time codes, and with spaces if it has mostly tabs."""
    text = _remove_marks(text)
    if "://" in text:
        text = _ADDRESS.sub("", text)
    if "www." in text:
        text = _ADDRESS_WITHOUT_SCHEME.sub("", text)
    if "\t" in text and text.count("\t") > text.count(" "):
        text = text.replace("\t", " ")
    return text


def _remove_marks(text: str) -> str:
    """Remove the targets of Markdown links, the marks of footnotes, and time codes."""
    if "](" in text:
        text = _MARKDOWN_LINK.sub(r"\1", text)
    if "[" in text:
        text = _BRACKETED.sub(_space_behind, text)
    if not text.isascii() and any(digit in text for digit in _SUPERSCRIPT_DIGITS):
        text = _SUPERSCRIPT.sub("", text)
    return _TIME_CODE.sub("\n", text) if "\n" in text else text


def _space_behind(mark: re.Match[str]) -> str:
    """Return the space behind a mark, unless white space stands before it, too."""
    return "" if mark.string[mark.start() - 1 : mark.start()].isspace() else mark[1]
