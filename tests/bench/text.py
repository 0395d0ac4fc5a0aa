"""Measure the CPU time of the text step: `python -m tests.bench.text`.

Prints a Markdown table: the time from the raw text of a page to its fingerprint, for pages of 500 to 700 kept words.
The pages are labelled articles if the folder of REPRISE_SHARED (default ../shared) has them, otherwise generated ones.
Both implementations of the text step are measured, if the native one is installed; the stages are those of numpy.
The naive way is measured in the same rounds: words by a regular expression, three-word shingles, datasketch's MinHash.

The time of a stage is the difference between a run with it and a run of the stages before it. Reading a clock between
stages would take as long as a short stage.
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
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from datasketch import MinHash

from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TEXT_BACKEND, TextBackend
from reprise.dedup.text.fingerprint import fingerprint, fingerprint_batch
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.prose_filter import MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.shingles import hash_shingles
from reprise.dedup.text.signature import make_signature
from reprise.dedup.text.tokens import tokenise
from reprise.model import Article
from reprise.synthetic import CrawlOptions, generate_crawl

#: kept words of the measured pages: the usual length of a news report
_WORDS: Final = range(500, 701)

#: mean words of a generated story, so that most pages are in that range
_GENERATED_WORDS: Final = 600

_SHARED: Final = Path(os.environ.get("REPRISE_SHARED") or Path(__file__).parents[3] / "shared")
_LABELLED: Final = _SHARED / "eval" / "spotsigs-dev.jsonl.gz"

_RULE: Final = Rule()

#: The installed implementations, numpy first.
_BACKENDS: Final = tuple(dict.fromkeys((TextBackend.NUMPY, TEXT_BACKEND)))

_WORD: Final = re.compile(r"\w+")

#: pages that a stage processes at once, as in the worker
_PAGES_AT_ONCE: Final = 10

_STAGES: Final[dict[str, Callable[[Any], Any]]] = {
    "unwrap": lambda texts: [join_wrapped_lines(text) for text in texts],
    "normalise": lambda texts: [normalise(text) for text in texts],
    "tokenise": lambda texts: tokenise(*texts),
    "prose": lambda tokens: (tokens, keep_prose(tokens, MIN_WORDS_TEXT)),
    "shingles": lambda kept: hash_shingles(*kept),
    "sign": lambda pages: [
        make_signature(shingles, _RULE.permutations, _RULE.sketch_size) for shingles in pages if shingles
    ],
}


def naive_minhash(text: str, permutations: int) -> MinHash:
    """Return the MinHash of a text, computed as datasketch's documentation shows."""
    words = _WORD.findall(text.lower())
    signature = MinHash(num_perm=permutations)
    signature.update_batch({" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))})
    return signature


def benchmarks() -> dict[str, Callable[[Sequence[str]], object]]:
    """Return the measured functions by name: the whole step, the naive way, and the stages up to each one."""
    return {
        **{f"Reprise, {backend}": partial(_fingerprint_together, backend=backend) for backend in _BACKENDS},
        **{f"Reprise, {backend}, one by one": partial(_fingerprint_singly, backend=backend) for backend in _BACKENDS},
        "naive, 32 permutations": lambda texts: [naive_minhash(text, 32) for text in texts],
        "naive, 128 permutations": lambda texts: [naive_minhash(text, 128) for text in texts],
        **{name: _stages_up_to(at + 1) for at, name in enumerate(_STAGES)},
    }


def _fingerprint_together(texts: Sequence[str], backend: TextBackend) -> None:
    fingerprint_batch([Article(article_id="", text=text) for text in texts], _RULE, backend=backend)


def _fingerprint_singly(texts: Sequence[str], backend: TextBackend) -> None:
    for text in texts:
        fingerprint(Article(article_id="", text=text), _RULE, backend=backend)


def _stages_up_to(count: int) -> Callable[[Sequence[str]], object]:
    stages = list(_STAGES.values())[:count]

    def run(texts: Sequence[str]) -> None:
        for start in range(0, len(texts), _PAGES_AT_ONCE):
            value: Any = texts[start : start + _PAGES_AT_ONCE]
            for stage in stages:
                value = stage(value)

    return run


def load_pages(limit: int) -> tuple[str, list[str]]:
    """Return the kind of the pages and at most `limit` of them."""
    source, texts = ("labelled pages", _read_labelled()) if _LABELLED.is_file() else ("generated pages", _generate())
    return source, list(islice((text for text in texts if _count_kept_words(text) in _WORDS), limit))


def _read_labelled() -> Iterator[str]:
    with gzip.open(_LABELLED, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line)["text"] for line in lines)


def _generate() -> Iterator[str]:
    for generated in generate_crawl(CrawlOptions(count=500, words=_GENERATED_WORDS, spread=0.2, html=0, duplicates=0)):
        yield generated.article["text"]


def _count_kept_words(text: str) -> int:
    signature = fingerprint(Article(article_id="", text=text), _RULE).signature
    return signature.word_count if signature else 0


def measure(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the median CPU microseconds per article of each function. A round runs all functions once."""
    seconds: dict[str, list[float]] = {name: [] for name in benchmarks()}
    for _ in range(rounds):
        for name, function in benchmarks().items():
            start = time.process_time()
            function(texts)
            seconds[name].append(time.process_time() - start)
    return {name: median(values) / len(texts) * 1e6 for name, values in seconds.items()}


def markdown(source: str, count: int, rounds: int, cpu_us: dict[str, float]) -> str:
    """Return the results as a table."""
    total = cpu_us[f"Reprise, {TextBackend.NUMPY}"]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {_read_processor()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "datasketch"))
    out = [
        f"{count} {source} of {_WORDS[0]} to {_WORDS[-1]} kept words, median of {rounds} rounds; "
        f"Python {platform.python_version()}, {versions}; {machine}.",
        "",
        "| | CPU µs per article | relative to numpy |",
        "| --- | ---: | ---: |",
    ]
    before = 0.0
    for name, microseconds in cpu_us.items():
        own = microseconds - before if name in _STAGES else microseconds
        before = microseconds if name in _STAGES else 0.0
        label = f"stage `{name}`" if name in _STAGES else name
        out.append(f"| {label} | {own:,.0f} | {own / total:.2f} |")
    return "\n".join(out)


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or "unknown processor"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.text", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pages", type=int, default=200, help="maximum number of pages")
    options = parser.parse_args()
    source, texts = load_pages(options.pages)
    sys.stdout.write(markdown(source, len(texts), options.rounds, measure(texts, options.rounds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
