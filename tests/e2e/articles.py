"""Articles for the end-to-end tests: the five seed articles, synthetic ones, and made-up stories."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reprise.synthetic import CrawlOptions, generate_crawl
from tests.e2e.sandbox import InputMessage

#: Ids of the seed articles by story: four reprints of one report, and another article.
SEED_STORIES: Final = {frozenset({"000", "001", "002", "003"}), frozenset({"004"})}

_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tus", "vel", "dor", "sha", "pin", "gra")
_SENTENCE_WORDS: Final = 15


def article_json(**fields: str) -> bytes:
    """Return the value of an input message."""
    return json.dumps(fields, ensure_ascii=False).encode()


def seed_articles(seeds: Sequence[Path], *, with_source: bool) -> list[bytes]:
    """Return the five seed articles as values, with the ids `000` to `004`, each with a source of its own."""
    return [
        article_json(
            id=path.stem[:3],
            text=path.read_text(encoding="utf-8"),
            **({"source": f"site-{path.stem[:3]}.example"} if with_source else {}),
        )
        for path in seeds
    ]


def article_ids_by_story(bodies: Iterable[Mapping[str, Any]]) -> set[frozenset[str]]:
    """Return the article ids of each story."""
    stories: defaultdict[str, set[str]] = defaultdict(set)
    for body in bodies:
        stories[body["story_id"]].add(body["article"]["id"])
    return {frozenset(ids) for ids in stories.values()}


def synthetic_messages(count: int, *, partitions: int = 1, seed: int = 1) -> list[InputMessage]:
    """Return a synthetic crawl of short English pages, half of them reprints, in turn for each partition."""
    return [
        InputMessage(
            value=json.dumps(generated.article).encode(),
            key=generated.article["id"].encode(),
            partition=number % partitions,
        )
        for number, generated in enumerate(
            generate_crawl(CrawlOptions(count=count, seed=seed, words=120, html=0.0, languages=("en",)))
        )
    ]


def merging_articles() -> list[bytes]:
    """Return articles of two stories, then one that shows that they are one, then a copy of the younger story's first.

    Each story has four articles, `old-0` to `old-3` and `young-0` to `young-3`, different enough to be representatives.
    Both stories end with the same sentences, too few for a match. The last two articles are `bridge`, with half of both
    stories, and `copy`. Each has a source of its own.
    """
    rng = random.Random(5)
    common = made_up_text(rng, 2 * _SENTENCE_WORDS)
    texts = {name: f"{made_up_text(rng, 150)} {common}" for name in ("old", "young")}
    articles = {}
    for name, text in texts.items():
        articles[f"{name}-0"] = text
        articles |= {f"{name}-{number}": change_words(text, rng, 8) for number in range(1, 4)}
    halves = [sentence for text in texts.values() for sentence in text.split(". ")[:5]]
    articles |= {"bridge": ". ".join(halves) + ".", "copy": texts["young"]}
    return [
        article_json(id=name, text=text, source=f"{name}.example", title=f"Title of {name}")
        for name, text in articles.items()
    ]


def made_up_text(rng: random.Random, words: int) -> str:
    """Return the text of a new story: sentences of made-up words."""
    chosen = ["".join(rng.choices(_SYLLABLES, k=3)) for _ in range(words)]
    sentences = (chosen[start : start + _SENTENCE_WORDS] for start in range(0, words, _SENTENCE_WORDS))
    return " ".join(" ".join(sentence).capitalize() + "." for sentence in sentences)


def change_words(text: str, rng: random.Random, count: int) -> str:
    """Replace a number of random words of a text."""
    words = text.split(" ")
    for position in rng.sample(range(len(words)), count):
        words[position] = "changed"
    return " ".join(words)
