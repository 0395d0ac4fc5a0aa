"""The native text step on texts that are made to be expensive, and on real pages."""

import gzip
import json
from pathlib import Path
from typing import Final

import pytest

from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TextBackend, choose_backend
from reprise.model import Article
from tests.fuzz.hostile import KINDS
from tests.support import REPOSITORY, unavailable
from tests.text_helpers import fingerprints_of_all_backends

#: Characters of a hostile text that are compared: their patterns repeat.
CHARACTERS: Final = 20_000


@pytest.fixture(autouse=True)
def _native() -> None:
    if choose_backend() is not TextBackend.NATIVE:
        unavailable("native", "the native text step is not installed; it needs cargo")


def agree(texts: list[str]) -> None:
    """Check that the implementations agree on texts, plain and extracted."""
    for extracted in (False, True):
        articles = [Article(article_id="a", text=text, extracted=extracted) for text in texts]
        fingerprints_of_all_backends(articles, Rule())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("text: ")])
def test_hostile_texts(kind: str) -> None:
    """The implementations agree on the text of each hostile message."""
    agree([json.loads(KINDS[kind]())["text"][:CHARACTERS]])


def test_sample_crawl() -> None:
    """The implementations agree on the articles of the sample crawl."""
    lines = (REPOSITORY / "worker/reprise/sample/crawl.jsonl").read_text("utf-8").splitlines()
    articles = [json.loads(line) for line in lines]
    agree([article.get("text") or article.get("html") or "" for article in articles])


def test_seeds(seeds: list[Path]) -> None:
    """The implementations agree on the seed articles."""
    agree([path.read_text("utf-8") for path in seeds])


def test_development_set(spotsigs_dev: Path) -> None:
    """The implementations agree on the pages of the development set and of the sets beside it."""
    for path in sorted(spotsigs_dev.parent.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            articles = [json.loads(line) for line in lines]
        agree([article.get("text") or article.get("html") or "" for article in articles[:1000]])
