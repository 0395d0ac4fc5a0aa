"""Mutations of real messages, similar to those of a faulty crawler, a faulty proxy or an attacker.

real_messages  pages of the sample and, if they exist, of the development sets
mutate         change the text, the markup, the JSON or the bytes of a random page
"""

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import reprise

#: Maximum number of pages of each file. They are read in a second.
_PAGES: Final = 80

#: Maximum characters of a page. Longer pages are truncated, because tests.fuzz.cost measures the cost of length.
_MAX_CHARACTERS: Final = 120_000

_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>")

_SPECIAL: Final = (
    *"\0\x0b\u0085\u00a0\u2028\u202e\ufeff\u0301\u0323\u200d\ufdfa\u0130漢ก한م😀<>&\"'=\ufffe\U0010ffff\ud800",
    "&#xd800;", "&#99999999;", "<!--", "-->", "<script>", "</body>", "<table>", "<b>", "<ul>", "<pre>",
    "<a b='", "[[[[", "{", "\\u",
)  # fmt: skip

_OTHER_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    10**400,
    [],
    {},
    [[]],
    {"text": "a"},
    "",
    " ",
)


def real_messages(shared: Path) -> list[dict[str, Any]]:
    """Return the fields of real articles."""
    sample = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"
    articles = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    for name in ("spotsigs-dev-html", "spotsigs-dev", "reuters21578"):
        path = shared / "eval" / f"{name}.jsonl.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                articles += [json.loads(line) for line in islice(lines, _PAGES)]
    return articles


def mutate(rng: random.Random, real: Sequence[dict[str, Any]]) -> bytes:
    """Return a real message after up to four mutations."""
    fields = dict(rng.choice(real))
    for name in ("text", "html"):
        if isinstance(fields.get(name), str):
            fields[name] = fields[name][:_MAX_CHARACTERS]
    for _ in range(rng.randrange(4)):
        rng.choice(_OF_FIELDS)(rng, fields, real)
    value = json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return rng.choice(_OF_BYTES)(rng, value) if rng.random() < 0.2 else value


def _text_field(fields: dict[str, Any]) -> str:
    return "html" if isinstance(fields.get("html"), str) else "text"


def _text(fields: dict[str, Any]) -> str:
    text = fields.get(_text_field(fields))
    return text if isinstance(text, str) else ""


def _insert(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    for _ in range(rng.randrange(1, 50)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(_SPECIAL) * rng.choice((1, 1, 1, 3, 40)) + text[at:]
    fields[_text_field(fields)] = text


def _drop_slice(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    fields[_text_field(fields)] = text[:start] + text[end:]


def _repeat_slice(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    start = rng.randrange(len(text) + 1)
    end = start + rng.choice((1, 5, 30, 300))
    fields[_text_field(fields)] = text[:end] + text[start:end] * rng.choice((1, 10, 300)) + text[end:]


def _splice(rng: random.Random, fields: dict[str, Any], real: Sequence[dict[str, Any]]) -> None:
    text, other = _text(fields), _text(rng.choice(real))[:_MAX_CHARACTERS]
    fields[_text_field(fields)] = text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


def _shuffle_tags(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    tags = _TAG.findall(text)
    rng.shuffle(tags)
    drawn = iter(tags)
    fields[_text_field(fields)] = _TAG.sub(lambda _: next(drawn), text)


def _drop_end_tags(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    share = rng.random()
    fields[_text_field(fields)] = re.sub(
        r"</[^<>]*>", lambda match: "" if rng.random() < share else match[0], _text(fields)
    )


def _replace_white_space(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    fields[_text_field(fields)] = re.sub(
        r"\s", rng.choice(("", "\n", "\t", "  ", "\u00a0", "\u2028", "\0")), _text(fields)
    )


def _swap_html_and_text(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    name = _text_field(fields)
    fields["text" if name == "html" else "html"] = fields.pop(name, "")


def _replace_value(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    fields[rng.choice(("id", "text", "html", "url", "source", "title", "lang", "crawled_at"))] = rng.choice(
        _OTHER_VALUES
    )


def _insert_in_field(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    name = rng.choice(("id", "url", "source", "title", "lang", "published_at", "crawled_at"))
    before = fields.get(name)
    text = before if isinstance(before, str) else "http://a.example/"
    at = rng.randrange(len(text) + 1)
    fields[name] = text[:at] + rng.choice(_SPECIAL) * rng.choice((1, 5, 300)) + text[at:]


def _cut(rng: random.Random, value: bytes) -> bytes:
    return value[: rng.randrange(len(value) + 1)]


def _flip(rng: random.Random, value: bytes) -> bytes:
    flipped = bytearray(value)
    for _ in range(rng.randrange(1, 20)):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _double(rng: random.Random, value: bytes) -> bytes:
    return value + rng.choice((b"", b"\n", b",")) + value


def _recode(rng: random.Random, value: bytes) -> bytes:
    text = value.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "latin-1", "cp1252", "utf-8-sig")), "replace")


_OF_FIELDS: Final[Sequence[Callable[[random.Random, dict[str, Any], Sequence[dict[str, Any]]], None]]] = (
    _insert,
    _drop_slice,
    _repeat_slice,
    _splice,
    _shuffle_tags,
    _drop_end_tags,
    _replace_white_space,
    _swap_html_and_text,
    _replace_value,
    _insert_in_field,
)

_OF_BYTES: Final[Sequence[Callable[[random.Random, bytes], bytes]]] = (_cut, _flip, _double, _recode)
