"""Provide the demo's input: the sample crawl of the package, its labels, and the number of generated articles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

#: seed of the generated articles, so that every demo has the same ones
_SEED: Final = 7

#: pages of the sample between two malformed messages
_MALFORMED_INTERVAL: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCrawl:
    """The sample crawl. `gold` holds the labelled story of each article, by `article_key`."""

    pages: tuple[bytes, ...]
    malformed: tuple[bytes, ...]
    gold: Mapping[str, str]

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """Yield key and value of each message, with the malformed ones between the pages."""
        malformed = iter(self.malformed)
        for number, page in enumerate(self.pages, start=1):
            yield _message_key(page), page
            if number % _MALFORMED_INTERVAL == 0 and (value := next(malformed, None)) is not None:
                yield None, value
        yield from ((None, value) for value in malformed)

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.pages) + len(self.malformed)


def load_sample() -> SampleCrawl:
    """Load the sample crawl from the package."""
    pages = _read_lines("crawl.jsonl")
    bodies = [orjson.loads(page) for page in pages]
    gold = {article_key(body): body["story"] for body in bodies}
    return SampleCrawl(pages=pages, malformed=_read_lines("broken.jsonl"), gold=gold)


def sample_path(name: str) -> Path:
    """Return the path of a file of the sample."""
    return Path(str(files("reprise").joinpath("sample", name)))


def article_key(article: Mapping[str, Any]) -> str:
    """Return an article's URL, or its id without one.

    A message and its event share this key. The id alone would not do: the worker derives one if the message has none.
    """
    return str(article.get("url") or article.get("id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLoad:
    """The load of the demo: messages of the sample per second, and the number of generated articles.

    At the default rate a reader can follow the decisions. The generated articles keep a worker on two cores busy for
    some seconds.
    """

    rate: float = 10.0
    articles: int = 4_000

    def generate_options(self) -> list[str]:
        """Return the options of `reprise generate`."""
        return ["--count", str(self.articles), "--seed", str(_SEED)]


def _read_lines(name: str) -> tuple[bytes, ...]:
    return tuple(line for line in sample_path(name).read_bytes().split(b"\n") if line.strip())


def _message_key(page: bytes) -> bytes:
    body = orjson.loads(page)
    return str(body.get("id") or body["url"]).encode()
