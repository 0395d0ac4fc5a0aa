"""The articles that every contender gets: the same messages, in the same order.

Where the labelled pages lie (REPRISE_SHARED, ../shared), they are scattered at random over a synthetic crawl, each of
them once; else the crawl is all there is. Its pages are as long as they, and as many of its articles are reprints as it
takes to make half of the whole stream variants. All messages hold text: the naive pipeline cannot read HTML.
"""

import gzip
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import orjson

from reprise.synthetic import CrawlOptions, generate_crawl
from tests.bench.goals.results import StreamFacts

_SHARED: Final = Path(os.environ.get("REPRISE_SHARED") or Path(__file__).parents[4] / "shared")
_LABELLED: Final = _SHARED / "eval" / "spotsigs-dev.jsonl.gz"

#: Share of the stream that is no founder of its story: the generator's default, too.
_VARIANTS: Final = 0.5

#: Mean words of a generated story, and its largest deviation as a share: with what stands around it a page is as long
#: as a labelled one (their mean is 828 words, and four in five have 423 to 1,276).
_WORDS, _SPREAD = 700, 0.9

#: The fields of a labelled page that a message has; the others are its labels.
_FIELDS: Final = ("id", "source", "title", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Messages as (key, value), in order, and what there is to say about them."""

    messages: Sequence[tuple[bytes, bytes]]
    facts: StreamFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    story: str
    article: dict[str, str]


def make_stream(count: int, seed: int = 0) -> Stream:
    """Make a stream of `count` articles; the same arguments give the same bytes where the same data lies."""
    real = list(_labelled())[:count]
    stories = len({page.story for page in real})
    synthetic = count - len(real)
    wanted = _VARIANTS * count - (len(real) - stories)
    duplicates = min(1.0, max(0.0, wanted / synthetic)) if synthetic else 0.0
    made = _generated(
        CrawlOptions(
            count=synthetic, seed=seed, words=_WORDS, spread=_SPREAD, duplicates=duplicates, html=0, languages=("en",)
        )
    )
    pages = _scattered(real, list(made), Random(seed))
    return Stream(
        messages=[(page.article["id"].encode(), orjson.dumps(page.article)) for page in pages],
        facts=StreamFacts(
            articles=count,
            labelled=len(real),
            variants_share=1 - len({page.story for page in pages}) / count,
            words_median=median(len(page.article["text"].split()) for page in pages),
            bytes_mean=sum(len(page.article["text"].encode()) for page in pages) / count,
        ),
    )


def _labelled() -> Iterator[_Page]:
    if not _LABELLED.is_file():
        return
    with gzip.open(_LABELLED, "rb") as lines:
        for line in lines:
            page: dict[str, Any] = orjson.loads(line)
            yield _Page(story=f"gold {page['story']}", article={name: page[name] for name in _FIELDS if page.get(name)})


def _generated(options: CrawlOptions) -> Iterator[_Page]:
    for labelled in generate_crawl(options):
        yield _Page(story=labelled.story, article=labelled.article)


def _scattered(pages: Sequence[_Page], over: Sequence[_Page], chance: Random) -> Iterable[_Page]:
    """Put pages, in an order of chance, at places of chance among the others, which keep their order."""
    count = len(pages) + len(over)
    places = set(chance.sample(range(count), len(pages)))
    shuffled, others = iter(chance.sample(pages, len(pages))), iter(over)
    return [next(shuffled) if at in places else next(others) for at in range(count)]
