"""Remove what differs between two copies of a text although a reader sees no difference.

These are the targets of links in Markdown and plain addresses, spaces that the layout doubled, and letters that have
several code points. It comes before the text step, in Python for both implementations.
"""

import re
from typing import Final

#: A Markdown link or image, `[text](target "title")`; the text stays. A longer target is not a link. Each part has a
#: maximum, so that the time is linear in the text.
_MARKDOWN_LINK: Final = re.compile(
    r"!?\[([^\[\]\n]{0,500})\]"
    r"\([^()\s]{1,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?: \"[^\"\n]{0,200}\")?\)"
)

#: A plain address and the space behind it. Closing punctuation belongs to the sentence.
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]{1,2000}(?<![.,;:!?)\]'’”»]) ?")

# A search is fast for a pattern that begins with a character or a set of them. Each lookbehind is for the character
# before the gap.

#: Two spaces or more between two words of a line.
_WIDE_GAP: Final = re.compile(r"[ \u00a0](?<=\S.)[ \u00a0]+(?=\S)")

#: A no-break space behind or before a single space within a sentence: an editor's way to keep two spaces. Before a
#: capital letter it may as well separate the items of a menu.
_NO_BREAK_BEHIND: Final = re.compile(r"\u00a0(?<=[\w,] \u00a0)(?=[^\W\dA-Z])")
_NO_BREAK_BEFORE: Final = re.compile(r"\u00a0(?<=[\w,]\u00a0) (?=[^\W\dA-Z])")

#: Two or three spaces after a comma: no columns, which are not separated by commas as well.
_WIDE_AFTER_COMMA: Final = re.compile(r"([,;،؛]) {2,3}(?=\S)")
_COMMAS_AND_SPACES: Final = (",  ", ";  ", "،  ", "؛  ")

#: If at least this share of the gaps between words is wide, that is the layout of the text, and no columns or menus.
_WIDE_LAYOUT: Final = 0.5

#: Characters from the middle of a text in which gaps are counted first: counting costs less than a search.
_SAMPLE: Final = 1_000

#: Letters that look the same, or that writers replace freely: Persian and Arabic yeh and kaf, the Arabic tatweel that
#: only stretches a word, Romanian letters with a cedilla for those with a comma, and Russian io.
_LETTERS: Final = (
    ("\u064a", "\u06cc"),
    ("\u0649", "\u06cc"),
    ("\u0643", "\u06a9"),
    ("\u0640", ""),
    ("\u015f", "\u0219"),
    ("\u0163", "\u021b"),
    ("\u015e", "\u0218"),
    ("\u0162", "\u021a"),
    ("ё", "е"),
    ("Ё", "Е"),
)


def remove_presentation(text: str) -> str:
    """Return the text without link targets and doubled spaces, and with one code point for equal letters."""
    if "](" in text:
        text = _MARKDOWN_LINK.sub(r"\1", text)
    if "://" in text:
        text = _ADDRESS.sub("", text)
    if "  " in text or "\u00a0" in text:
        text = _join_spaces(text)
    if text.isascii():
        return text
    for letter, replacement in _LETTERS:
        text = text.replace(letter, replacement)
    return text


def _join_spaces(text: str) -> str:
    if _is_wide(text):
        return _WIDE_GAP.sub(" ", text)
    if "\u00a0" in text:
        text = _NO_BREAK_BEFORE.sub(" ", _NO_BREAK_BEHIND.sub("", text))
    if any(each in text for each in _COMMAS_AND_SPACES):
        text = _WIDE_AFTER_COMMA.sub(r"\1 ", text)
    return text


def _is_wide(text: str) -> bool:
    """Return whether the gaps between words are wide throughout the text."""
    middle = text[len(text) // 2 :][:_SAMPLE]
    pairs = middle.count("  ") + middle.count("\u00a0")
    if pairs < middle.count(" ") / 5:  # then fewer than half of the gaps are wide
        return False
    spaces = text.count(" ") + text.count("\u00a0")
    wide = _WIDE_GAP.findall(text)
    single = spaces - sum(map(len, wide))
    return len(wide) >= _WIDE_LAYOUT * (len(wide) + single)
