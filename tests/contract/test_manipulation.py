"""Short articles that are written so that the reprints of a report are not found.

Each of them contains phrases of the report that are the minima of its MinHash rows. Three stories with one phrase turn
its bucket into that of a stock phrase. Two defences are tested, each without the other: the secret seed of the
namespace, and the comparison of representatives that share many such buckets.
"""

import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import redis

from reprise.dedup import decision as decision_module
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.shingles import hash_shingles
from reprise.dedup.text.signature import minhash_rows
from reprise.dedup.text.tokens import tokenise
from reprise.index import decide as decide_module
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import FIXED_SEED, Article, EventType
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE, make_sentence

T0 = 1_700_000_000_000
SENTENCES = [make_sentence(number).rstrip(".") for number in range(20)]
REPORT = Article(article_id="report", source="agency.example", text=". ".join(SENTENCES))
#: Short articles: three with each of these groups of phrases.
GROUPS, COPIES = 7, 3
REPRINTS = 20
SECRET_SEEDS = [2, 77_777, 4_294_967_295]

DecidingIndex = MemoryIndex | RedisIndex


def make_flood() -> list[Article]:
    """Return 21 short articles with the minima of the report under the public seed."""
    phrases, rng = find_minima(SENTENCES), random.Random(1)
    return [
        Article(
            article_id=f"flood-{group}-{copy}",
            source=f"flood-{copy}.example",
            text=" ".join(f"{make_filler(rng)} {phrase} {make_filler(rng)}." for phrase in phrases[group::GROUPS]),
        )
        for group in range(GROUPS)
        for copy in range(COPIES)
    ]


def make_filler(rng: random.Random) -> str:
    return " ".join(f"filler{rng.randrange(10**9)}" for _ in range(7))


def find_minima(sentences: Sequence[str]) -> list[str]:
    """Return the phrases of a text that are the minima of its MinHash rows under the public seed."""
    phrases = [
        " ".join(words[at : at + 3]).lower()
        for words in (sentence.split() for sentence in sentences)
        for at in range(len(words) - 2)
    ]
    hashes = [shingle_hash(phrase) for phrase in phrases]
    rows = minhash_rows(np.unique(np.array(hashes, dtype=np.uint32)), RULE.permutations, FIXED_SEED)
    minima = {
        int(value): phrase
        for phrase, shingle in zip(phrases, hashes, strict=True)
        for value in minhash_rows(np.array([shingle], dtype=np.uint32), RULE.permutations, FIXED_SEED)
    }
    return list(dict.fromkeys(minima[int(row)] for row in rows))


def shingle_hash(phrase: str) -> int:
    """Return the hash of a shingle."""
    tokens = tokenise(normalise(phrase))
    (shingles,) = hash_shingles(tokens, np.ones(len(tokens.hashes), dtype=np.bool_))
    assert shingles is not None
    (value,) = shingles.hashes
    return int(value)


def make_reprints() -> Iterator[Article]:
    """Yield reprints with a quarter of the report, each within twice as much text of its own."""
    for number in range(REPRINTS):
        kept = sorted(random.Random(number).sample(range(len(SENTENCES)), len(SENTENCES) // 4))
        own = [make_sentence(10_000 + 100 * number + at).rstrip(".") for at in range(10)]
        text = ". ".join([*(SENTENCES[at] for at in kept), *own])
        yield Article(article_id=f"reprint-{number}", source=f"paper-{number}.example", text=text)


def count_joined(index: DecidingIndex, namespace: str, seed: int, articles: Sequence[Article]) -> int:
    """Decide articles and the reprints after them; return the number of reprints that join the report's story."""
    stories = {}
    for article in [*articles, *make_reprints()]:
        (decision,) = index.decide(namespace, [fingerprint(article, RULE, seed=seed)], T0)
        stories[article.article_id] = decision.story_id
        if article.article_id.startswith("flood"):
            assert decision.type is EventType.NEW
    return sum(story == stories["report"] for name, story in stories.items() if name.startswith("reprint"))


def disable_comparison_of_stock_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_never_flooded(stock_phrases: int, bands: int) -> bool:
        return False

    monkeypatch.setattr(decision_module, "is_flooded", is_never_flooded)
    monkeypatch.setattr(decide_module, "is_flooded", is_never_flooded)


#: The report before and after the flood.
ORDERS = [[REPORT, *make_flood()], [*make_flood(), REPORT]]
#: Reprints that the index finds without a flood. One shares no band with the report.
FOUND = 19


@pytest.mark.parametrize("seed", SECRET_SEEDS)
@pytest.mark.parametrize("articles", ORDERS)
def test_a_secret_seed_alone_defeats_the_flood(
    monkeypatch: pytest.MonkeyPatch, seed: int, articles: Sequence[Article]
) -> None:
    """Under another seed other phrases are the minima: as many reprints are found as without a flood."""
    disable_comparison_of_stock_phrases(monkeypatch)
    index = MemoryIndex(rule=RULE, retention=RETENTION)
    assert count_joined(index, "secret", seed, articles) >= count_joined(index, "calm", seed, [REPORT]) >= FOUND


@pytest.mark.parametrize("articles", ORDERS)
def test_the_comparison_of_stock_phrases_finds_most_reprints(
    monkeypatch: pytest.MonkeyPatch, articles: Sequence[Article]
) -> None:
    """If the seed is known, three quarters of the reprints are found, and less than half without the comparison."""
    index = MemoryIndex(rule=RULE, retention=RETENTION)
    assert count_joined(index, "defended", FIXED_SEED, articles) >= REPRINTS * 3 // 4
    disable_comparison_of_stock_phrases(monkeypatch)
    assert count_joined(index, "undefended", FIXED_SEED, articles) < REPRINTS // 2


@pytest.mark.redis
@pytest.mark.parametrize("articles", ORDERS)
def test_the_index_in_redis_resists_the_flood(redis_url: str, namespace: str, articles: Sequence[Article]) -> None:
    """With the secret seed that a new index draws, the reprints are found."""
    with redis.Redis.from_url(redis_url) as client:
        index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=1_000, has_secret_seed=True)
        index.prepare(namespace)
        assert count_joined(index, namespace, index.seed_of(namespace), articles) >= REPRINTS * 4 // 5
