"""What the choice of a hash function does to the decisions: `python -m tests.bench.hashes`, Markdown tables.

The shingles' 32-bit hashes go through a bijection of its own for each number; number 0 is the worker's own. Labelled
pages are decided in several random orders, the seed articles in every order, by the reference index.
"""

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Final

import numpy as np

from reprise.bootstrap import article_processor
from reprise.commands.support.file_input import override_redis_url, read_messages
from reprise.commands.support.progress import ProgressDisplay
from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.hashing import mix64
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import normalise, tokenise
from reprise.evaluation.labels import LabelledArticle, gold_labels, read_lines
from reprise.evaluation.runs import decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import Scores, score, summarize_orders
from reprise.index.memory import MemoryIndex
from reprise.model import Article, Fingerprint
from reprise.settings import load
from tests.text_helpers import shingles

_SHARED: Final = Path("../shared")
_RETENTION: Final = Retention(window_seconds=3600, replay_seconds=3600)

#: A lone seed article; the other four reprint one report.
_APART: Final = "004"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """One hash function: scores of each order of the labelled pages, and orders in which the seeds were right."""

    number: int
    scores: Sequence[Scores]
    seeds_right: int
    seeds_glued: int


def rehashed(article: Article, number: int) -> Fingerprint:
    """Fingerprint an article with another hash function of the shingles, by its number."""
    found = fingerprint(article, Rule())
    if number == 0 or found.signature is None:
        return found
    tokens = tokenise(normalise(join_wrapped_lines(article.text)))
    kept = keep_prose(tokens, MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT)
    other = _other(shingles(tokens, kept), number)
    return replace(found, signature=make_signature(other, Rule().permutations, Rule().sketch_size))


def _other(found: Shingles, number: int) -> Shingles:
    # the high half of a mixed 64-bit number: no bijection of 32 bits, but two shingles of one text hardly ever meet
    salted = found.hashes.astype(np.uint64) | np.uint64(number << 32)
    hashes, first = np.unique((mix64(salted) >> np.uint64(32)).astype(np.uint32), return_index=True)
    return replace(found, hashes=hashes, sentences=found.sentences[first])


def measure(
    pages: Sequence[tuple[LabelledArticle, Article]], texts: Sequence[Article], number: int, orders: int
) -> Hashed:
    """Decide everything with one hash function."""
    labelled = [replace(page, fingerprint=rehashed(article, number)) for page, article in pages]
    gold = gold_labels(labelled)
    index = MemoryIndex(rule=Rule(), retention=_RETENTION)
    run = partial(decide_in_order, index=index, batch=500, clock=time.time, advance=lambda _: None)
    scores = [
        score(gold, run(shuffle(labelled, seed), seed, namespace=f"pages-{seed}").stories())
        for seed in order_seeds(orders)
    ]
    prints = [rehashed(article, number) for article in texts]
    outcomes = Counter(_outcome(order) for order in permutations(prints))
    return Hashed(number=number, scores=scores, seeds_right=outcomes["right"], seeds_glued=outcomes["glued"])


def _outcome(order: Sequence[Fingerprint]) -> str:
    """Whether the four became one story and the fifth another."""
    decisions = MemoryIndex(rule=Rule(), retention=_RETENTION).decide("seeds", order, int(time.time() * 1000))
    stories = {each.article_id: decision.story_id for each, decision in zip(order, decisions, strict=True)}
    apart = stories.pop(_APART)
    if apart in stories.values():
        return "glued"
    return "right" if len(set(stories.values())) == 1 else "split"


def markdown(found: Sequence[Hashed]) -> Iterator[str]:
    """Write a row for each hash function, and one for all."""
    yield "| hash function | mean F1 | worst order | pairwise precision | pairwise recall | seeds right | seeds glued |"
    yield "| --- " + "| ---: " * 6 + "|"
    for each in found:
        yield _row("the worker's own" if each.number == 0 else str(each.number), [each])
    yield _row("all", found)


def _row(name: str, found: Sequence[Hashed]) -> str:
    spread = summarize_orders([scores for each in found for scores in each.scores])
    figures = (spread["b3_f1"].mean, spread["b3_f1"].worst, spread["pair_p"].mean, spread["pair_r"].mean)
    total = len(found) * math.factorial(5)
    right, glued = sum(each.seeds_right for each in found), sum(each.seeds_glued for each in found)
    return f"| {name} | {' | '.join(f'{figure:.4f}' for figure in figures)} | {right} of {total} | {glued} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hashes", description=__doc__)
    parser.add_argument("--gold", default=str(_SHARED / "eval/spotsigs-dev.jsonl.gz"), help="labelled articles")
    parser.add_argument("--seeds", type=Path, default=_SHARED / "seeds", help="folder of the five seed articles")
    parser.add_argument("--hashes", type=int, default=5)
    parser.add_argument("--orders", type=int, default=5)
    given = parser.parse_args()
    settings = load(override_redis_url("unix:///nowhere"))  # for its limits and rule: no Redis is asked
    processor = article_processor(settings)
    read = read_lines(read_messages(settings, given.gold), processor.decode, processor.fingerprint)
    pages = [each for each in read if isinstance(each, tuple)]
    texts = [
        Article(article_id=path.name[:3], text=path.read_text("utf-8")) for path in sorted(given.seeds.glob("*.txt"))
    ]
    found, show = [], ProgressDisplay(sys.stderr)
    for number in range(given.hashes):
        with show.bar(f"hash function {number}", given.orders * len(pages)) as advance:
            found.append(measure(pages, texts, number, given.orders))
            advance(given.orders * len(pages))
    sys.stdout.write("\n".join((*markdown(found), "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
