"""Messages that are built to cost time or memory or to end the loop, by name.

Unless its name says otherwise, a message is within the limits of bytes and characters, so that it reaches the step that
it attacks. Messages are built on demand, because all together have about 200 MB.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from reprise.messages.html_text import (
    MAX_ATTRIBUTES,
    MAX_BLOCKS,
    MAX_LISTS_TIMES_TAGS,
    MAX_PARSED_CHARACTERS,
    MAX_TAGS,
    MAX_UNCLOSED_TIMES_TAGS,
)
from tests.decoder_limits import decoder_limits

#: Maximum bytes of a message and characters of a text that are accepted, without the JSON around them.
MESSAGE: Final = decoder_limits().message_bytes - 1000
TEXT: Final = decoder_limits().text_characters

#: Maximum characters of a page that the HTML parser gets.
PARSED: Final = MAX_PARSED_CHARACTERS - 1000

SENTENCE: Final = "The ferry returned to service on Monday after a refit that took eleven weeks, officials said. "


def article(**fields: object) -> bytes:
    """Return the value of a message."""
    return json.dumps(fields, ensure_ascii=False).encode()


def filled(unit: str, characters: int) -> str:
    """Return the unit, repeated up to this number of characters."""
    return unit * (characters // len(unit))


def _html(page: Callable[[], str]) -> bytes:
    return article(html=page())


def _text(text: Callable[[], str]) -> bytes:
    return article(text=text())


def _nested(opening: str, times: int, closing: str = "") -> str:
    return opening * times + SENTENCE * 20 + closing * times


def _reopened(tags: int) -> str:
    """Return formatting that is never closed and the maximum number of paragraphs for this number of tags."""
    return "".join(f"<b class=c{number}>" for number in range(MAX_UNCLOSED_TIMES_TAGS // tags)) + f"<p>{SENTENCE}" * (
        tags - MAX_UNCLOSED_TIMES_TAGS // tags - 10
    )


_HTML: Final[Mapping[str, Callable[[], str]]] = {
    "html: div nested 100,000 deep": lambda: _nested("<div>", 100_000, "</div>"),
    "html: div nested to the limit of blocks": lambda: _nested("<div>", MAX_BLOCKS, "</div>"),
    "html: div nested past the limit of blocks": lambda: _nested("<div>", MAX_TAGS - 10),
    "html: article nested": lambda: _nested("<article>", MAX_BLOCKS),
    "html: section nested": lambda: _nested("<section>", MAX_TAGS - 10),
    "html: li nested": lambda: _nested("<ul><li>", MAX_TAGS // 2 - 10),
    "html: tables nested": lambda: _nested("<table><tr><td>", MAX_TAGS // 3 - 10),
    "html: text inside tables without cells": lambda: _nested("<table>x", MAX_TAGS - 10),
    "html: blockquote nested, much text": lambda: (
        _nested("<blockquote>", MAX_TAGS // 2) + filled(SENTENCE, PARSED - 20 * MAX_TAGS)
    ),
    "html: span nested": lambda: _nested("<span>", MAX_TAGS - 10),
    "html: font never closed": lambda: _nested("<font color=a>", MAX_UNCLOSED_TIMES_TAGS // MAX_TAGS),
    "html: formatting opened anew, few tags": lambda: _reopened(2_000),
    "html: formatting opened anew, many tags": lambda: _reopened(19_000),
    "html: formatting wrongly nested": lambda: filled("<b><i></b><p>x</i>", 18 * 900),
    "html: select, option and optgroup": lambda: filled("<select><option>x<optgroup>", 27 * (MAX_TAGS // 3 - 5)),
    "html: svg and math nested": lambda: _nested("<svg><math><mi>", MAX_TAGS // 3 - 5),
    "html: templates nested": lambda: _nested("<template>", MAX_TAGS - 10),
    "html: forms and buttons": lambda: filled("<form><button>x", 15 * (MAX_TAGS // 2 - 5)),
    "html: headings in paragraphs": lambda: filled("<p>a<h1>b", 9 * (MAX_TAGS // 2 - 5)),
    "html: 20,000 paragraphs": lambda: filled(f"<p>{SENTENCE[:40]}", PARSED),
    "html: a paragraph of links": lambda: filled("<a href=x>word word word</a> ", 29 * (MAX_TAGS // 2 - 10)),
    "html: 3,000 blocks beside one another": lambda: filled(f"<div>{SENTENCE * 2}</div>", 206 * MAX_BLOCKS),
    "html: as many attributes as allowed": lambda: filled(
        "<p " + " ".join(f"a{n}=1" for n in range(MAX_ATTRIBUTES - 10)) + ">x", PARSED
    ),
    "html: one attribute too many, to the limit": lambda: "<p " + " ".join(f"a{n}" for n in range(500_000)) + ">x",
    "html: a giant attribute": lambda: f'<p title="{"x" * (PARSED - 4000)}">{SENTENCE * 20}',
    "html: a giant attribute past the parser": lambda: f'<p title="{"x" * (MESSAGE - 4000)}">{SENTENCE * 20}',
    "html: a giant class list": lambda: f'<div class="{filled("content main ", PARSED - 4000)}">{SENTENCE * 20}',
    "html: many classes": lambda: filled('<p class="comment share nav content main sidebar">x', 900_000),
    "html: an attribute never closed": lambda: f'<p title="{"x" * (MESSAGE - 4000)}',
    "html: tags never closed": lambda: filled("<p ", MESSAGE),
    "html: nothing but <": lambda: filled("<", MESSAGE),
    "html: nothing but <a": lambda: filled("<a", MESSAGE),
    "html: nothing but </": lambda: filled("</", MESSAGE),
    "html: nothing but &": lambda: filled("&", MESSAGE),
    "html: nothing but <!--": lambda: filled("<!--", MESSAGE),
    "html: nothing but <script": lambda: filled("<script>", MESSAGE),
    "html: nothing but <style": lambda: filled("<style ", MESSAGE),
    "html: nothing but quotes": lambda: "<p " + filled("\"'", MESSAGE // 2),
    "html: nothing but equals signs": lambda: "<p " + filled("= ", MESSAGE),
    "html: nothing but slashes": lambda: "<p" + filled("/", MESSAGE),
    "html: nothing but CDATA": lambda: "<svg>" + filled("<![CDATA[", MESSAGE - 10),
    "html: nothing but doctypes": lambda: filled("<!DOCTYPE a>", MESSAGE),
    "html: comments never closed, much text": lambda: filled("<!-- a --!> b <!", MESSAGE),
    "html: entities, named": lambda: filled("&amp;lt;", PARSED),
    "html: entities, named, to the limit": lambda: filled("&CounterClockwiseContourIntegral;", MESSAGE),
    "html: entities, unknown": lambda: filled("&thereisnosuchnameatallinanylist", MESSAGE),
    "html: entities, huge numbers": lambda: filled("&#" + "9" * 4000 + ";", MESSAGE),
    "html: entities, one huge number": lambda: "&#x" + "f" * (MESSAGE - 10) + ";",
    "html: entities, the longest expansion": lambda: filled("&nGt;", MESSAGE),
    "html: entities of an inner document type": lambda: (
        '<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + SENTENCE + "&b;" * 1000
    ),
    "html: scripts that look like tags": lambda: "<script>" + filled("i<n;", PARSED - 100) + "</script>" + SENTENCE,
    "html: white space": lambda: filled("<p> \n\t", 7 * (MAX_TAGS - 10)),
    "html: white space only, in between tags, to the limit": lambda: filled("<br> \n \n", MESSAGE),
    "html: pre with a line a character": lambda: "<pre>" + filled("x\n", PARSED - 10),
    "html: preformatted, nested deep": lambda: filled("<pre>\n x", 8 * (MAX_TAGS - 10)),
    "html: lists nested, a line an item": lambda: _nested("<ol><li>x", MAX_TAGS // 2 - 10),
    "html: text with NUL": lambda: filled("<p>a\0b</p>", 9 * (MAX_TAGS // 2 - 10)),
    "html: nothing but NUL": lambda: filled("\0", PARSED // 2),
    "html: noncharacters": lambda: filled("<p>\ufffe\uffff\U0010ffff", 6 * (MAX_TAGS - 10)),
    "html: one word to the limit": lambda: "<p>" + "x" * (TEXT - 10),
    "html: text to the limit, past the parser": lambda: filled("<p>" + SENTENCE, TEXT) + "<i>" * 200_000,
    "html: frames, plaintext and xmp": lambda: "<frameset>" + filled("<plaintext><xmp><iframe>x", 900_000),
    "html: isindex, image and keygen": lambda: filled("<image><keygen><isindex>", 24 * (MAX_TAGS // 3 - 5)),
    "html: closing tags of nothing": lambda: filled("</p></br>", 9 * (MAX_TAGS // 2 - 10)),
    "html: body and html again and again, with attributes": lambda: "".join(
        f"<body a{n}=1><html b{n}=1>" for n in range(MAX_TAGS // 2 - 10)
    ),
    "html: body again and again, 90 attributes each": lambda: "".join(
        f"<body {' '.join(f'b{tag}_{n}' for n in range(90))}>" for tag in range(1_300)
    ),
    "html: tags inside attributes": lambda: "<p " + ('a="' + "<p " * 80 + "x" * 3_870 + '" ') * 240 + ">" + SENTENCE,
    "html: tag starts before a long name": lambda: "<a" * 19_000 + "x" * 900_000 + ">" + SENTENCE,
    "html: gaps between tags, past the parser": lambda: filled("<b> ", MESSAGE),
    "html: ordered lists nested, a line an item": lambda: (
        "<ol>" * (MAX_LISTS_TIMES_TAGS // 2_000) + "<li>x" * 900 + SENTENCE
    ),
    "html: ruby": lambda: filled("<ruby><rb>x<rt>y<rtc>z<rp>", 26 * (MAX_TAGS // 5 - 10)),
}

_TEXT: Final[Mapping[str, Callable[[], str]]] = {
    "text: prose to the limit": lambda: filled(SENTENCE, TEXT),
    "text: prose to the limit, a sentence a line": lambda: filled(SENTENCE.strip() + "\n", TEXT),
    "text: one word to the limit": lambda: "x" * TEXT,
    "text: one word of 1,000,000 letters, past the limit": lambda: "x" * 1_000_000,
    "text: one line of 5,000,000 letters, past the limit": lambda: "x" * 5_000_000,
    "text: a letter a line": lambda: filled("x\n", TEXT),
    "text: 100,000 lines of a word": lambda: "".join(f"w{number % 1000}\n" for number in range(100_000)),
    "text: all words different": lambda: " ".join(f"{number:x}." for number in range(TEXT // 7)),
    "text: a stop after each letter": lambda: filled("x. ", TEXT),
    "text: nothing but stops": lambda: filled(". ", TEXT),
    "text: nothing but full-width stops": lambda: filled("。", TEXT),
    "text: nothing but separators": lambda: filled("a | ", TEXT),
    "text: nothing but spaces and a letter": lambda: " " * (TEXT - 1) + "x",
    "text: nothing but tabs and a letter": lambda: "\t" * (TEXT - 1) + "x",
    "text: every kind of white space": lambda: filled("\u00a0\u2003\u3000\u1680\u202f\x0b\x0c\x85\u2028\u2029x", TEXT),
    "text: white space only": lambda: filled(" \n\t\u00a0\u2003\u3000", TEXT),
    "text: hard-wrapped": lambda: filled("word " * 14 + "word\n", TEXT),
    "text: hard-wrapped, one word a line": lambda: filled("x" * 70 + "\n", TEXT),
    "text: as many marks as fit": lambda: "a" + "\u0301" * (TEXT - 1),
    "text: 1,000,000 marks, past the limit": lambda: "a" + "\u0301" * 1_000_000,
    "text: marks in the wrong order": lambda: filled("a" + "\u0301\u0323" * 15, TEXT),
    "text: marks past what is kept": lambda: filled("a" + "\u0301\u0323" * 16, TEXT),
    "text: marks that are no letters' marks": lambda: filled("a" + "\u093c\u0345" * 1000, TEXT),
    "text: jamo to be composed": lambda: filled("\u1112\u1161\u11ab", TEXT),
    "text: the longest NFKC expansion": lambda: filled("\ufdfa", TEXT),
    "text: the longest NFKC expansion, with marks": lambda: filled("\ufdfa" + "\u0301" * 30, TEXT),
    "text: lower case that grows": lambda: filled("\u0130", TEXT),
    "text: mixed normal forms": lambda: filled("é e\u0301 ﬁ ｆｉ Å \u212b A\u030a ", TEXT),
    "text: right-to-left overrides": lambda: filled("\u202eabc\u202c \u2067def\u2069 ", TEXT),
    "text: byte order marks": lambda: filled("\ufeff", TEXT - 1) + "x",
    "text: byte order marks between letters": lambda: filled("\ufeffx", TEXT),
    "text: soft hyphens and joiners": lambda: filled("a\u00adb\u200dc\u200b ", TEXT),
    "text: variation selectors": lambda: filled("x" + "\ufe0f" * 50, TEXT),
    "text: emoji only": lambda: filled("👩\u200d👩\u200d👧\u200d👦🇫🇷🏴\U000e0067\U000e007f", TEXT),
    "text: NUL only": lambda: filled("\0", TEXT),
    "text: NUL between words": lambda: filled("a\0b ", TEXT),
    "text: noncharacters": lambda: filled("\ufffe\uffff\U0010ffff ", TEXT),
    "text: Han to the limit": lambda: "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(TEXT)),
    "text: Thai to the limit": lambda: "".join(chr(0x0E01 + number * 7 % 46) for number in range(TEXT)),
    "text: Thai, a space after each letter": lambda: filled("ก ", TEXT),
    "text: Han and words by turns": lambda: filled("漢a", TEXT),
    "text: marks of Han": lambda: filled("漢\u3099", TEXT),
    "text: legal lines": lambda: filled("© copyright all rights reserved. ", TEXT),
    "text: nothing but copyright signs": lambda: filled("©", TEXT),
    "text: legal lines of a word": lambda: filled("©\n", TEXT),
    "text: digits": lambda: filled("1234567890 ", TEXT),
    "text: numbers of every script": lambda: filled("١②Ⅳ½५ ", TEXT),
}

_URL: Final[Mapping[str, Callable[[], str]]] = {
    "url: never closed bracket": lambda: "http://[",
    "url: address that is none": lambda: "http://[::1:2::3]/x",
    "url: address in the future form": lambda: "http://[v1.x]/",
    "url: host that NFKC turns into a path": lambda: "http://a\u2100b/",
    "url: port past all ports": lambda: "http://a.example:99999999999999999999/",
    "url: port of 4,000,000 digits": lambda: "http://a.example:" + "9" * (MESSAGE - 2000),
    "url: port in Arabic digits": lambda: "http://a.example:٨٠/",
    "url: labels to the limit": lambda: "http://" + filled("a.", MESSAGE - 2000),
    "url: labels of 250 characters": lambda: "http://" + "a." * 125 + "co.uk/",
    "url: dots only": lambda: "http://....../",
    "url: suffix only": lambda: "http://co.uk/",
    "url: label past 63 characters": lambda: "http://" + "a" * 200 + ".example/",
    "url: punycode that is none": lambda: "http://xn--0.xn--a.xn--" + "9" * 50 + "/",
    "url: labels of other scripts": lambda: "http://" + "ü" * 60 + ".例え." + "א1.٣/",
    "url: joiners in a label": lambda: "http://a\u200db\u00ad\u0301.example/",
    "url: path to the limit": lambda: "http://a.example" + filled("/a", MESSAGE - 2000),
    "url: dot segments to the limit": lambda: "http://a.example" + filled("/a/../.", MESSAGE - 2000),
    "url: percent signs to the limit": lambda: "http://a.example/" + filled("%", MESSAGE - 2000),
    "url: encoded delimiters to the limit": lambda: "http://a.example/" + filled("%2F", MESSAGE - 2000),
    "url: encoded letters to the limit": lambda: "http://a.example/" + filled("%41", MESSAGE - 2000),
    "url: encoded bytes that are no UTF-8": lambda: "http://a.example/%ff%fe%c3%28",
    "url: parameters to the limit": lambda: "http://a.example/?" + filled("a=%3D&", MESSAGE - 2000),
    "url: tracking parameters to the limit": lambda: "http://a.example/?" + filled("utm_a=1&", MESSAGE - 2000),
    "url: letters of three bytes to the limit": lambda: "http://a.example/" + filled("漢", (MESSAGE - 2000) // 3),
    "url: user names to the limit": lambda: "http://" + filled("a:b@", MESSAGE - 2000) + "c.example/",
    "url: control characters": lambda: "http://a\0b.exa\tmple/\r\n\x7f?\x1b#\u202e",
    "url: white space inside": lambda: "http://a b.example/",
    "url: fullwidth": lambda: "ｈｔｔｐ：／／ａ．ｅｘａｍｐｌｅ／",
    "url: backslashes": lambda: "http:\\\\a.example\\x",
    "url: no host": lambda: "http:///x",
    "url: number for a host": lambda: "http://4294967296/",
    "url: another scheme": lambda: "javascript:alert(1)",
}


def _url(url: Callable[[], str]) -> bytes:
    return article(text=SENTENCE * 3, url=url())


_TIMES: Final = (
    "", "now", "2025-02-30", "2025-13-01T00:00:00Z", "0000-00-00", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59", "2025-01-01T00:00:00+99:99", "2025-W01-1", "2025-01-01T24:00:00Z", "20250101",
    "2025-01-01T00:00:60Z", "٢٠٢٥-٠١-٠١", "2025-01-01\0", "1e400", "-1", "2025-01-01T00:00:00." + "9" * 100_000,
)  # fmt: skip

#: JSON values that replace the string of each field.
_WRONG: Final = ("1", "1e400", "9" * 5000, "-0", "true", "[]", "{}", '["a"]', '{"text":"a"}', "NaN", "-Infinity", "1.")

_FIELDS: Final = ("id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at")

_BYTES: Final[Mapping[str, Callable[[], bytes]]] = {
    "bytes: none": lambda: b"",
    "bytes: a byte order mark alone": lambda: b"\xef\xbb\xbf",
    "bytes: two byte order marks": lambda: b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "bytes: UTF-16": lambda: article(text=SENTENCE).decode().encode("utf-16"),
    "bytes: UTF-32": lambda: article(text=SENTENCE).decode().encode("utf-32"),
    "bytes: Latin-1": lambda: article(text="é" * 100).decode().encode("latin-1"),
    "bytes: overlong UTF-8": lambda: b'{"text":"\xc0\xaf\xe0\x80\xaf"}',
    "bytes: surrogates in UTF-8": lambda: b'{"text":"\xed\xa0\x80\xed\xb0\x80"}',
    "bytes: a letter cut in two": lambda: article(text="é")[:-3],
    "bytes: NUL to the limit": lambda: b"\0" * MESSAGE,
    "bytes: past the limit": lambda: article(text="x" * (MESSAGE + 2000)),
    "json: half a surrogate pair, first": lambda: b'{"text":"\\ud800 ' + SENTENCE.encode() + b'"}',
    "json: half a surrogate pair, second": lambda: b'{"text":"\\udc00"}',
    "json: surrogates the wrong way round": lambda: b'{"id":"\\udc00\\ud800","text":"a"}',
    "json: a surrogate pair": lambda: b'{"text":"\\ud83d\\ude00 word word word"}',
    "json: NaN": lambda: b'{"text":"a","n":NaN}',
    "json: Infinity": lambda: b'{"text":"a","n":-Infinity}',
    "json: a number of 1,000,000 digits": lambda: b'{"text":"a","n":' + b"9" * 1_000_000 + b"}",
    "json: an exponent of 1,000,000": lambda: b'{"text":"a","n":1e1000000}',
    "json: arrays nested 1,000,000 deep": lambda: b'{"text":"a","n":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "json: arrays nested 1,000 deep": lambda: b'{"text":"a","n":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "json: objects nested 500,000 deep": lambda: b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
    "json: nested and never closed": lambda: b"[" * MESSAGE,
    "json: empty arrays to the limit": lambda: b'{"text":"a","n":[' + b"[]," * (MESSAGE // 3 - 20) + b"[]]}",
    "json: empty objects to the limit": lambda: b'{"text":"a","n":[' + b"{}," * (MESSAGE // 3 - 20) + b"{}]}",
    "json: numbers to the limit": lambda: b'{"text":"a","n":[' + b"1.5," * (MESSAGE // 4 - 20) + b"1]}",
    "json: fields to the limit": lambda: (
        b'{"text":"a",' + b",".join(b'"%x":1' % number for number in range(380_000)) + b"}"
    ),
    "json: one field 300,000 times": lambda: b'{"text":"a",' + b",".join([b'"text":"b"'] * 300_000) + b"}",
    "json: a name of 4,000,000 letters": lambda: b'{"text":"a","' + b"n" * (MESSAGE - 50) + b'":1}',
    "json: escapes to the limit": lambda: b'{"text":"' + b"\\u0061" * (MESSAGE // 6 - 10) + b'"}',
    "json: white space to the limit": lambda: b" " * (MESSAGE - 20) + b'{"text":"a"}',
    "json: two documents": lambda: b'{"text":"a"}{"text":"b"}',
    "json: single quotes": lambda: b"{'text':'a'}",
    "json: a comment": lambda: b'{"text":"a"/* b */}',
    "json: a comma too many": lambda: b'{"text":"a",}',
    "json: a control character in a string": lambda: b'{"text":"a\x01b"}',
    "json: a string alone": lambda: b'"text"',
    "json: null": lambda: b"null",
    "json: an array of articles": lambda: b'[{"text":"a"}]',
    "json: nothing known": lambda: b'{"body":"a"}',
    "id: 256 bytes in letters of four": lambda: article(id="😀" * 64, text=SENTENCE * 3),
    "id: 257 bytes": lambda: article(id="😀" * 64 + "x", text=SENTENCE * 3),
    "id: 4,000,000 letters": lambda: article(id="x" * (MESSAGE - 1000), text=SENTENCE),
    "id: NUL": lambda: article(id="\0", text=SENTENCE * 3),
    "id: a Redis protocol": lambda: article(id="*1\r\n$8\r\nFLUSHALL\r\n", text=SENTENCE * 3),
    "id: white space": lambda: article(id=" \u3000\n", text=SENTENCE * 3),
    "id: braces of a hash tag": lambda: article(id="{default}:x{}", text=SENTENCE * 3),
    "title: 4,000,000 letters": lambda: article(title="x" * (MESSAGE - 1000), text=SENTENCE * 3),
    "source: 4,000,000 letters": lambda: article(source="x" * (MESSAGE - 1000), text=SENTENCE * 3),
    "lang: 4,000,000 letters": lambda: article(lang="x" * (MESSAGE - 1000), text=SENTENCE * 3),
    "published_at: 1,300,000 letters of three bytes": lambda: article(published_at="漢" * 1_300_000, text=SENTENCE),
    "crawled_at: 4,000,000 letters": lambda: article(crawled_at="x" * (MESSAGE - 1000), text=SENTENCE * 3),
}


def _wrong(field: str, value: str) -> bytes:
    beside = "" if field == "text" else f'"text":{json.dumps(SENTENCE * 3)},'
    return f'{{{beside}"{field}":{value}}}'.encode()


#: Name of each kind -> function that builds its message.
KINDS: Final[Mapping[str, Callable[[], bytes]]] = {
    **{name: partial(_html, page) for name, page in _HTML.items()},
    **{name: partial(_text, text) for name, text in _TEXT.items()},
    **{name: partial(_url, url) for name, url in _URL.items()},
    **{
        f"crawled_at: {time[:40]!r}": partial(article, text=SENTENCE * 3, crawled_at=time, published_at=time)
        for time in _TIMES
    },
    **_BYTES,
    **{f"type: {field} is {value[:10]}": partial(_wrong, field, value) for field in _FIELDS for value in _WRONG},
}
