"""HTML pages that are built to be slow or large for a parser."""

from collections.abc import Callable

from reprise.messages import html_text as html_module

FIRST = "The council voted late on Tuesday to keep the old bridge open for another winter."


def _numbered(form: str, count: int) -> str:
    return "".join(form.format(number) for number in range(count))


HOSTILE: dict[str, Callable[[], str]] = {
    "nested div": lambda: "<div>" * 200_000 + FIRST,
    "nested and closed div": lambda: "<div>" * 200_000 + FIRST + "</div>" * 200_000,
    "nested div at the bound": lambda: "<div>" * html_module.MAX_BLOCKS + FIRST,
    "nested article": lambda: "<article>" * 19_999 + FIRST,
    "nested div in tables": lambda: "<div><table><tr><td>" * (html_module.MAX_BLOCKS - 1) + FIRST,
    "nested span": lambda: "<span>" * 200_000 + FIRST,
    "nested span and strange ends": lambda: "<span>" * 9_900 + "</x>" * 9_900 + FIRST,
    "nested span and paragraphs": lambda: "<span>" * 9_900 + "<p>x" * 9_900 + FIRST,
    "nested links": lambda: "<a><div>" * 4_900 + FIRST,
    "nested formatting": lambda: "<a><b><i><u><s><em>" * 50_000 + FIRST,
    "formatting reopened": lambda: _numbered("<b id={}><p>", 9_900) + FIRST,
    "formatting reopened at the bound": lambda: _numbered("<b id={}><p>", 700) + FIRST,
    "formatting hidden by quotes": lambda: _numbered("""<b a"=" id={}>x</b>" c={}><p>""".replace("c={}", "c"), 5_000),
    "formatting hidden in tables": lambda: _numbered("<b id={}><table><tr><td></b></table><p>", 3_900) + FIRST,
    "attributes": lambda: "<div " + _numbered("a{}=1 ", 100_000) + ">" + FIRST,
    "attributes of an end tag": lambda: "<p>x</p " + _numbered("a{} ", 100_000) + ">" + FIRST,
    "attributes behind quotes": lambda: """x="<div """ + _numbered("""a{}='"="' """, 60_000) + ">" + FIRST,
    "the same attribute": lambda: "<div " + "a=1 " * 240_000 + ">" + FIRST,
    "many tags short of the bound": lambda: ("<p " + _numbered("a{} ", 500) + ">") * 300 + FIRST,
    "starts within a tag": lambda: "<a " * 500 + 'b="' + "x" * 990_000 + '">' + FIRST,
    "one long line": lambda: "<p>" + "word " * 1_000_000 + FIRST,
    "one long word": lambda: "<p>" + "w" * 5_000_000 + " " + FIRST,
    "NULs": lambda: "<p>\0\0" * 100_000 + FIRST,
    "unclosed brackets": lambda: FIRST + "<" * 4_000_000,
    "unclosed tags": lambda: FIRST + "<a " * 1_300_000,
    "unclosed quote": lambda: FIRST + '<a b="' + "x" * 4_000_000,
    "unclosed comments": lambda: FIRST + "<!--" * 1_000_000,
    "unclosed scripts": lambda: FIRST + "<script>" * 500_000,
    "ends without starts": lambda: "</p>" * 1_000_000 + FIRST,
    "ampersands": lambda: FIRST + "&" * 4_000_000,
    "a number of a million digits": lambda: FIRST + "&#" + "1" * 1_500_000 + ";",
    "tables": lambda: "<table>" * 100_000 + FIRST,
    "lists": lambda: "<ul><li>" * 9_900 + FIRST,
    "text in a table": lambda: "<table>" + "a<tr>" * 19_000 + FIRST,
    "lists in lists, a line an item": lambda: "<ul>" * 9_900 + "<li>x" * 9_900 + FIRST,
    "lists in lists at the bound": lambda: "<ol>" * 1_000 + "<li>x" * 990 + FIRST,
    "starts within values": lambda: "<p " + ('a="' + "<p " * 80 + "x" * 3_870 + '" ') * 240 + ">" + FIRST,
    "starts before a long name": lambda: "<a" * 19_000 + "x" * 900_000 + ">" + FIRST,
    "gaps between many tags": lambda: "<b> " * 1_000_000 + FIRST,
    "body tags of many attributes": lambda: (
        "".join(f"<body {_numbered(f'b{tag}_{{}} ', 90)}>" for tag in range(1_300)) + FIRST
    ),
    "body tags at the bound": lambda: (
        "".join(f"<body {_numbered(f'b{tag}_{{}} ', 500)}>" for tag in range(html_module.MAX_ROOT_TAGS)) + FIRST
    ),
    "body tags": lambda: _numbered("<body a{}=1>", 19_900) + FIRST,
}
