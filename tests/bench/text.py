"""What the text step costs: `python tests/bench/text.py`, a Markdown table.

CPU time of one process, from the raw text of a page to its fingerprint, for pages of 500 to 700 kept words: those of
the labelled articles where they lie (REPRISE_SHARED, ../shared), else generated ones of that length. Beside it, in the
same rounds, the obvious way: words by a regular expression, three-word shingles, datasketch's MinHash.

A stage costs what it adds: pages go through the first stages one after the other, as in the worker. A clock between the
stages would cost as much as the short ones.
"""

import argparse
import gzip
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from datasketch import MinHash

from reprise.dedup.decision import Rule
from reprise.dedup.text.fingerprint import fingerprint, fingerprint_batch
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.prose_filter import MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import hash_shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import normalise, tokenise
from reprise.model import Article
from reprise.synthetic import CrawlOptions, generate_crawl

#: Kept words of the pages that are measured: the usual length of a news report.
_WORDS: Final = range(500, 701)

#: Mean words of a generated story, whose pages then mostly fall into that range.
_GENERATED_WORDS: Final = 600

_SHARED: Final = Path(os.environ.get("REPRISE_SHARED") or Path(__file__).parents[3] / "shared")
_LABELLED: Final = _SHARED / "eval" / "spotsigs-dev.jsonl.gz"

_RULE: Final = Rule()
_WORD: Final = re.compile(r"\w+")

#: Pages that a stage gets at once, as the worker hands them on.
_TOGETHER: Final = 10

_STAGES: Final[dict[str, Callable[[Any], Any]]] = {
    "unwrap": lambda texts: [join_wrapped_lines(text) for text in texts],
    "normalise": lambda texts: [normalise(text) for text in texts],
    "tokenise": lambda texts: tokenise(*texts),
    "prose": lambda tokens: (tokens, keep_prose(tokens, MIN_WORDS_TEXT)),
    "shingles": lambda kept: hash_shingles(*kept),
    "sign": lambda pages: [make_signature(found, _RULE.permutations, _RULE.sketch_size) for found in pages if found],
}


def obvious(text: str, permutations: int) -> MinHash:
    """Sign a text as datasketch's documentation does."""
    words = _WORD.findall(text.lower())
    signature = MinHash(num_perm=permutations)
    signature.update_batch({" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))})
    return signature


def ways() -> dict[str, Callable[[Sequence[str]], object]]:
    """What is measured, by name: the whole step, the obvious way twice, and the stages up to each."""
    return {
        "Reprise": lambda texts: fingerprint_batch([Article(article_id="", text=text) for text in texts], _RULE),
        "Reprise, one by one": lambda texts: [fingerprint(Article(article_id="", text=text), _RULE) for text in texts],
        "obvious, 32 permutations": lambda texts: [obvious(text, 32) for text in texts],
        "obvious, 128 permutations": lambda texts: [obvious(text, 128) for text in texts],
        **{name: _up_to(at + 1) for at, name in enumerate(_STAGES)},
    }


def _up_to(count: int) -> Callable[[Sequence[str]], object]:
    stages = list(_STAGES.values())[:count]

    def run(texts: Sequence[str]) -> None:
        for begin in range(0, len(texts), _TOGETHER):
            value: Any = texts[begin : begin + _TOGETHER]
            for stage in stages:
                value = stage(value)

    return run


def pages(limit: int) -> tuple[str, list[str]]:
    """Where the pages come from, and at most `limit` of them."""
    source, texts = ("labelled pages", _labelled()) if _LABELLED.is_file() else ("generated pages", _generated())
    return source, list(islice((text for text in texts if _kept_words(text) in _WORDS), limit))


def _labelled() -> Iterator[str]:
    with gzip.open(_LABELLED, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line)["text"] for line in lines)


def _generated() -> Iterator[str]:
    for labelled in generate_crawl(CrawlOptions(count=500, words=_GENERATED_WORDS, spread=0.2, html=0, duplicates=0)):
        yield labelled.article["text"]


def _kept_words(text: str) -> int:
    signature = fingerprint(Article(article_id="", text=text), _RULE).signature
    return signature.words if signature else 0


def measure(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Median CPU microseconds an article of each way; the ways take turns, so that none has the machine's best hour."""
    seconds: dict[str, list[float]] = {name: [] for name in ways()}
    for _ in range(rounds):
        for name, way in ways().items():
            started = time.process_time()
            way(texts)
            seconds[name].append(time.process_time() - started)
    return {name: median(spent) / len(texts) * 1e6 for name, spent in seconds.items()}


def markdown(source: str, count: int, rounds: int, spent: dict[str, float]) -> str:
    """Write the figures as a table."""
    whole = spent["Reprise"]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {_processor()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "datasketch"))
    out = [
        f"{count} {source} of {_WORDS[0]} to {_WORDS[-1]} kept words, median of {rounds} rounds; "
        f"Python {platform.python_version()}, {versions}; {machine}.",
        "",
        "| | CPU µs an article | of Reprise's |",
        "| --- | ---: | ---: |",
    ]
    before = 0.0
    for name, microseconds in spent.items():
        own = microseconds - before if name in _STAGES else microseconds
        before = microseconds if name in _STAGES else 0.0
        label = f"its stage `{name}`" if name in _STAGES else name
        out.append(f"| {label} | {own:,.0f} | {own / whole:.2f} |")
    return "\n".join(out)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return platform.processor() or "unknown processor"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python tests/bench/text.py", description="CPU time of the text step.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pages", type=int, default=200, help="at most so many")
    given = parser.parse_args()
    source, texts = pages(given.pages)
    sys.stdout.write(markdown(source, len(texts), given.rounds, measure(texts, given.rounds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
