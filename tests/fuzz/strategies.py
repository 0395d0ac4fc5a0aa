"""Hypothesis strategies for messages: any JSON in any field, any bytes, and texts of special pieces."""

import json
from typing import Any, Final

from hypothesis import strategies as st

#: Pieces that the text step or the HTML parser treat in a special way, one of each kind.
_PIECES: Final = (
    *" \n\t\r\0\x0b\x1b\x7f.!?…。।|•>(\"'&<;©#%", "\u00a0", "\u2028", "\u3000", "\u200b", "\u200d", "\u00ad",
    "\ufeff", "\u202e", "\u2067", "\u061c", "\u0301", "\u0345", "\u093c", "\u1161", "\u3099", "\ufe0f",
    "\ufdfa", "ﬁ", "\u0130", "ẞ", "Σ", "½", "漢", "か", "ก", "ា", "क्", "م", "한", "😀", "🇫🇷", "word", "word ",
    "A sentence of some words ends here. ", "terms of use", "\ufffe", "\U0010ffff", "\ud800", "\udfff", "<p>",
    "</p>", "<div class=content>", "</div>", "<a href=x>", "</a>", "<ul><li>", "<b>", "</i>", "<table>", "<td>",
    "<pre>", "<br/>", "<script>", "</script>", "<style>", "<!--", "-->", "<!DOCTYPE", "<![CDATA[", "]]>",
    "<svg>", "<body a=1>", "<textarea>", "<title>", "<plaintext>", "<template>", "<frameset>", "&amp;", "&#0;",
    "&#xd800;", "&#x110000;", "&nosuch;", "a='", 'b="', "=", "http://", "https://a.example/", "[::1]", "@",
    ":99999", "/../", "%2F", "%ff", "?utm_source=x&", "xn--", ".co.uk", "\\", "2025-02-30T25:61:61Z",
    "2025-01-01T00:00:00+00:00", "1e999",
)  # fmt: skip

_FIELDS: Final = ("id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at", "other")

TEXTS: Final = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=60).map("".join),
    st.tuples(st.sampled_from(_PIECES), st.integers(1, 2_000)).map(lambda drawn: drawn[0] * drawn[1]),
    st.text(max_size=300),
)

_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4),
    max_leaves=8,
)

_ARTICLES: Final = st.fixed_dictionaries(
    {}, optional={name: TEXTS if name in {"text", "html"} else TEXTS | _JSON for name in _FIELDS}
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Draw the value of a message: often an object with known fields, in any encoding, sometimes truncated."""
    kind = draw(st.sampled_from(("article", "article", "article", "json", "bytes")))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    value: Any = draw(_ARTICLES if kind == "article" else _JSON)
    encoded = json.dumps(value, ensure_ascii=draw(st.booleans())).encode(
        draw(st.sampled_from(("utf-8", "utf-8", "utf-8", "utf-8", "utf-16", "utf-32"))), "surrogatepass"
    )
    mark = draw(st.sampled_from((b"", b"", b"", b"\xef\xbb\xbf")))
    end = draw(st.sampled_from((None, None, None, -1, -2, len(encoded) // 2)))
    return mark + encoded[:end]
