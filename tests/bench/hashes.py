"""Measure how the choice of the hash function affects decisions: `python -m tests.bench.hashes`.

Prints a Markdown table. Each hash function has a number, which salts the hashes of the shingles; number 0 is the
worker's own function. The reference index decides the labelled pages in several random orders, and the five seed
articles in every order.
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
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.hashing import mix64
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import tokenise
from reprise.evaluation.labels import LabelledArticle, gold_labels, read_lines
from reprise.evaluation.runs import decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import Scores, score, summarize_orders
from reprise.index.memory import MemoryIndex
from reprise.model import Article, Fingerprint
from reprise.settings import load
from tests.text_helpers import shingles

_SHARED: Final = Path("../shared")
_RETENTION: Final = Retention(window_seconds=3600, replay_seconds=3600)

#: seed article with a story of its own; the other four reprint one report
_UNRELATED_SEED: Final = "004"


@dataclass(frozen=True, slots=True, kw_only=True)
class HashFunctionResult:
    """The result of one hash function.

    scores       scores of each order of the labelled pages
    seeds_right  orders in which the seed articles became the right stories
    seeds_glued  orders in which the unrelated seed article joined the others
    """

    number: int
    scores: Sequence[Scores]
    seeds_right: int
    seeds_glued: int


def fingerprint_with_hash(article: Article, number: int) -> Fingerprint:
    """Return the fingerprint of an article with the hash function of the given number."""
    own = fingerprint(article, Rule())
    if number == 0 or own.signature is None:
        return own
    tokens = tokenise(normalise(join_wrapped_lines(article.text)))
    kept = keep_prose(tokens, MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT)
    salted = _salt(shingles(tokens, kept), number)
    return replace(own, signature=make_signature(salted, Rule().permutations, Rule().sketch_size))


def _salt(shingles: Shingles, number: int) -> Shingles:
    # The high half of a mixed 64-bit number is no bijection of 32 bits, but collisions within one text are very rare.
    salted = shingles.hashes.astype(np.uint64) | np.uint64(number << 32)
    hashes, first = np.unique((mix64(salted) >> np.uint64(32)).astype(np.uint32), return_index=True)
    return replace(shingles, hashes=hashes, sentences=shingles.sentences[first])


def measure(
    pages: Sequence[tuple[LabelledArticle, Article]], texts: Sequence[Article], number: int, orders: int
) -> HashFunctionResult:
    """Decide pages and seed articles with one hash function."""
    labelled = [replace(page, fingerprint=fingerprint_with_hash(article, number)) for page, article in pages]
    gold = gold_labels(labelled)
    index = MemoryIndex(rule=Rule(), retention=_RETENTION)
    run = partial(decide_in_order, index=index, batch=500, clock=time.time, advance=lambda _: None)
    scores = [
        score(gold, run(shuffle(labelled, seed), seed, namespace=f"pages-{seed}").stories())
        for seed in order_seeds(orders)
    ]
    prints = [fingerprint_with_hash(article, number) for article in texts]
    outcomes = Counter(_outcome(order) for order in permutations(prints))
    return HashFunctionResult(
        number=number, scores=scores, seeds_right=outcomes["right"], seeds_glued=outcomes["glued"]
    )


def _outcome(order: Sequence[Fingerprint]) -> str:
    """Return "right", "split" (several stories for one report) or "glued" (the unrelated article joined it)."""
    decisions = MemoryIndex(rule=Rule(), retention=_RETENTION).decide("seeds", order, int(time.time() * 1000))
    stories = {article.article_id: decision.story_id for article, decision in zip(order, decisions, strict=True)}
    unrelated = stories.pop(_UNRELATED_SEED)
    if unrelated in stories.values():
        return "glued"
    return "right" if len(set(stories.values())) == 1 else "split"


def markdown(results: Sequence[HashFunctionResult]) -> Iterator[str]:
    """Yield the lines of a table: a row for each hash function, and one for all."""
    yield "| hash function | mean F1 | worst order | pairwise precision | pairwise recall | seeds right | joined |"
    yield "| --- " + "| ---: " * 6 + "|"
    for result in results:
        yield _row("the worker's own" if result.number == 0 else str(result.number), [result])
    yield _row("all", results)


def _row(name: str, results: Sequence[HashFunctionResult]) -> str:
    stats = summarize_orders([scores for result in results for scores in result.scores])
    figures = (stats["b3_f1"].mean, stats["b3_f1"].worst, stats["pair_p"].mean, stats["pair_r"].mean)
    total = len(results) * math.factorial(5)
    right, glued = sum(result.seeds_right for result in results), sum(result.seeds_glued for result in results)
    return f"| {name} | {' | '.join(f'{figure:.4f}' for figure in figures)} | {right} of {total} | {glued} |"


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hashes", description=__doc__)
    parser.add_argument("--gold", default=str(_SHARED / "eval/spotsigs-dev.jsonl.gz"), help="file of labelled articles")
    parser.add_argument("--seeds", type=Path, default=_SHARED / "seeds", help="directory of the five seed articles")
    parser.add_argument("--hashes", type=int, default=5, help="number of hash functions")
    parser.add_argument("--orders", type=int, default=5, help="random orders of the labelled pages")
    options = parser.parse_args()
    settings = load(
        override_redis_url("unix:///nowhere")
    )  # only its limits and rule are used; there is no connection to Redis
    processor = article_processor(settings)
    lines = read_lines(read_messages(settings, options.gold), processor.decode, processor.fingerprint)
    pages = [line for line in lines if isinstance(line, tuple)]
    texts = [
        Article(article_id=path.name[:3], text=path.read_text("utf-8")) for path in sorted(options.seeds.glob("*.txt"))
    ]
    results, progress = [], ProgressDisplay(sys.stderr)
    for number in range(options.hashes):
        with progress.bar(f"hash function {number}", options.orders * len(pages)) as advance:
            results.append(measure(pages, texts, number, options.orders))
            advance(options.orders * len(pages))
    sys.stdout.write("\n".join((*markdown(results), "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
