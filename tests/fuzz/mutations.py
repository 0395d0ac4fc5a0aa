"""Mutations of real messages: what a crawler's bug, a broken proxy or an ill will makes of a page.

real_messages  pages of the development sets where they are, else those of the sample that ships
mutated        one of them, damaged in its text, its markup, its JSON or its bytes, as the seed says
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

#: Pages taken from each file: many sites, and few enough to be read in a second.
_PAGES: Final = 80

#: Bytes of a page that is mutated; a longer one is cut, since what it costs is measured elsewhere.
_MAX_BYTES: Final = 120_000

_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>")

_STRANGE: Final = (
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
    """Read real articles as their fields."""
    sample = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"
    found = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    for name in ("spotsigs-dev-html", "spotsigs-dev", "reuters21578"):
        path = shared / "eval" / f"{name}.jsonl.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                found += [json.loads(line) for line in islice(lines, _PAGES)]
    return found


def mutated(rng: random.Random, real: Sequence[dict[str, Any]]) -> bytes:
    """Return one real message after one to four mutations, at times none."""
    fields = dict(rng.choice(real))
    for name in ("text", "html"):
        if isinstance(fields.get(name), str):
            fields[name] = fields[name][:_MAX_BYTES]
    for _ in range(rng.randrange(4)):
        rng.choice(_OF_FIELDS)(rng, fields, real)
    value = json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return rng.choice(_OF_BYTES)(rng, value) if rng.random() < 0.2 else value


def _main(fields: dict[str, Any]) -> str:
    return "html" if isinstance(fields.get("html"), str) else "text"


def _text(fields: dict[str, Any]) -> str:
    found = fields.get(_main(fields))
    return found if isinstance(found, str) else ""


def _insert(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    for _ in range(rng.randrange(1, 50)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(_STRANGE) * rng.choice((1, 1, 1, 3, 40)) + text[at:]
    fields[_main(fields)] = text


def _drop_a_slice(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    begin, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    fields[_main(fields)] = text[:begin] + text[end:]


def _repeat_a_slice(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    begin = rng.randrange(len(text) + 1)
    end = begin + rng.choice((1, 5, 30, 300))
    fields[_main(fields)] = text[:end] + text[begin:end] * rng.choice((1, 10, 300)) + text[end:]


def _splice(rng: random.Random, fields: dict[str, Any], real: Sequence[dict[str, Any]]) -> None:
    text, other = _text(fields), _text(rng.choice(real))[:_MAX_BYTES]
    fields[_main(fields)] = text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


def _shuffle_tags(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    text = _text(fields)
    tags = _TAG.findall(text)
    rng.shuffle(tags)
    drawn = iter(tags)
    fields[_main(fields)] = _TAG.sub(lambda _: next(drawn), text)


def _drop_ends(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    share = rng.random()
    fields[_main(fields)] = re.sub(r"</[^<>]*>", lambda found: "" if rng.random() < share else found[0], _text(fields))


def _other_white_space(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    fields[_main(fields)] = re.sub(r"\s", rng.choice(("", "\n", "\t", "  ", "\u00a0", "\u2028", "\0")), _text(fields))


def _markup_as_text(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    name = _main(fields)
    fields["text" if name == "html" else "html"] = fields.pop(name, "")


def _another_value(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    fields[rng.choice(("id", "text", "html", "url", "source", "title", "lang", "crawled_at"))] = rng.choice(
        _OTHER_VALUES
    )


def _strange_field(rng: random.Random, fields: dict[str, Any], _real: object) -> None:
    name = rng.choice(("id", "url", "source", "title", "lang", "published_at", "crawled_at"))
    before = fields.get(name)
    text = before if isinstance(before, str) else "http://a.example/"
    at = rng.randrange(len(text) + 1)
    fields[name] = text[:at] + rng.choice(_STRANGE) * rng.choice((1, 5, 300)) + text[at:]


def _cut(rng: random.Random, value: bytes) -> bytes:
    return value[: rng.randrange(len(value) + 1)]


def _flip(rng: random.Random, value: bytes) -> bytes:
    damaged = bytearray(value)
    for _ in range(rng.randrange(1, 20)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _double(rng: random.Random, value: bytes) -> bytes:
    return value + rng.choice((b"", b"\n", b",")) + value


def _recode(rng: random.Random, value: bytes) -> bytes:
    text = value.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "latin-1", "cp1252", "utf-8-sig")), "replace")


_OF_FIELDS: Final[Sequence[Callable[[random.Random, dict[str, Any], Sequence[dict[str, Any]]], None]]] = (
    _insert,
    _drop_a_slice,
    _repeat_a_slice,
    _splice,
    _shuffle_tags,
    _drop_ends,
    _other_white_space,
    _markup_as_text,
    _another_value,
    _strange_field,
)

_OF_BYTES: Final[Sequence[Callable[[random.Random, bytes], bytes]]] = (_cut, _flip, _double, _recode)
