"""What goes in: the sample that ships with the worker, its gold labels, and how much a synthetic stream adds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

#: The stream is the same at every run.
_STREAM_SEED: Final = 7

#: After how many pages of the sample a broken message is sent.
_BROKEN_EVERY: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCrawl:
    """The sample crawl. `gold` maps an article's address to the story that its editor put it in."""

    pages: tuple[bytes, ...]
    broken: tuple[bytes, ...]
    gold: Mapping[str, str]

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """Give key and value of every message, the broken ones strewn in."""
        broken = iter(self.broken)
        for number, page in enumerate(self.pages, start=1):
            yield _key(page), page
            if number % _BROKEN_EVERY == 0 and (bad := next(broken, None)) is not None:
                yield None, bad
        yield from ((None, bad) for bad in broken)

    def __len__(self) -> int:
        """How many messages there are."""
        return len(self.pages) + len(self.broken)


def load_sample() -> SampleCrawl:
    """Read the sample where the package keeps it."""
    pages = _lines("crawl.jsonl")
    bodies = [orjson.loads(page) for page in pages]
    return SampleCrawl(
        pages=pages, broken=_lines("broken.jsonl"), gold={article_key(body): body["story"] for body in bodies}
    )


def sample_path(name: str) -> Path:
    """Return where a file of the sample lies."""
    return Path(str(files("reprise").joinpath("sample", name)))


def article_key(article: Mapping[str, Any]) -> str:
    """Name an article the same way in a message and in an event, which may have made up its id: by its URL."""
    return str(article.get("url") or article.get("id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLoad:
    """How much goes in, and how fast: `rate` is the sample's pages a second, `articles` is what the stream adds.

    The defaults are what an eye can follow, and some seconds of a worker's full speed on two cores.
    """

    rate: float = 10.0
    articles: int = 4_000

    def stream_arguments(self) -> list[str]:
        """Return the options of `reprise generate` for the stream."""
        return ["--count", str(self.articles), "--seed", str(_STREAM_SEED)]


def _lines(name: str) -> tuple[bytes, ...]:
    return tuple(line for line in sample_path(name).read_bytes().split(b"\n") if line.strip())


def _key(page: bytes) -> bytes:
    body = orjson.loads(page)
    return str(body.get("id") or body["url"]).encode()
