"""Make the stream that every system gets: the same messages in the same order.

If REPRISE_SHARED (default ../shared) has the labelled pages, the stream interleaves each of them once with a
synthetic crawl, at random; otherwise it is only the crawl. The crawl's pages have the same length, and enough of its
articles are reprints that half of the stream are variants. All messages have `text`, because the naive pipeline cannot
read HTML.
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

#: share of the stream that does not found a story; the default of the generator as well
_VARIANTS_SHARE: Final = 0.5

#: mean words of a generated story, and their largest deviation as a share; with its boilerplate a page is as long as a
#: labelled one (mean 828 words, 80 % between 423 and 1,276)
_WORDS, _SPREAD = 700, 0.9

#: fields of a labelled page that a message has; the other fields are labels
_FIELDS: Final = ("id", "source", "title", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Messages as (key, value), in order, and facts about them."""

    messages: Sequence[tuple[bytes, bytes]]
    facts: StreamFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class _StreamArticle:
    """An article and its story."""

    story: str
    article: dict[str, str]


def make_stream(count: int, seed: int = 0) -> Stream:
    """Return a stream of `count` articles. It depends only on the arguments and the labelled pages."""
    real = list(_read_labelled())[:count]
    stories = len({page.story for page in real})
    synthetic = count - len(real)
    reprints = _VARIANTS_SHARE * count - (len(real) - stories)
    duplicates = min(1.0, max(0.0, reprints / synthetic)) if synthetic else 0.0
    generated = _generate(
        CrawlOptions(
            count=synthetic, seed=seed, words=_WORDS, spread=_SPREAD, duplicates=duplicates, html=0, languages=("en",)
        )
    )
    pages = _interleave(real, list(generated), Random(seed))
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


def _read_labelled() -> Iterator[_StreamArticle]:
    if not _LABELLED.is_file():
        return
    with gzip.open(_LABELLED, "rb") as lines:
        for line in lines:
            page: dict[str, Any] = orjson.loads(line)
            yield _StreamArticle(
                story=f"gold {page['story']}", article={name: page[name] for name in _FIELDS if page.get(name)}
            )


def _generate(options: CrawlOptions) -> Iterator[_StreamArticle]:
    for item in generate_crawl(options):
        yield _StreamArticle(story=item.story, article=item.article)


def _interleave(
    pages: Sequence[_StreamArticle], crawl: Sequence[_StreamArticle], rng: Random
) -> Iterable[_StreamArticle]:
    """Shuffle the pages and put them at random positions of the crawl, which keeps its order."""
    count = len(pages) + len(crawl)
    positions = set(rng.sample(range(count), len(pages)))
    shuffled, others = iter(rng.sample(pages, len(pages))), iter(crawl)
    return [next(shuffled) if at in positions else next(others) for at in range(count)]
