"""Measure the speed and the memory of the crawl generator: `python -m tests.bench.generate`.

Prints a Markdown table. The process generates lines and discards them. Articles per second refer to CPU time, so that
other load changes them little. Memory is the peak resident size of the process.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from reprise.synthetic import CrawlOptions, generate_crawl, insert_malformed
from reprise.synthetic.serialize import serialize_line

#: ratio of the article counts of two rows
_ROW_FACTOR: Final = 10

#: unit of ru_maxrss in bytes: 1,024, but 1 on macOS
_MAXRSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Print a row at 1,000, 10,000, ... articles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100_000, help="number of articles (default: %(default)s)")
    parser.add_argument("--words", type=int, default=400, help="mean words of a new story (default: %(default)s)")
    parser.add_argument(
        "--largest",
        type=float,
        default=0.0,
        help="share of the reprints that reprint the first story (default: %(default)s)",
    )
    parser.add_argument(
        "--reach", type=int, default=1024, help="stories recent enough to be reprinted (default: %(default)s)"
    )
    options = parser.parse_args()
    crawl = CrawlOptions(count=options.articles, words=options.words, largest=options.largest, reach=options.reach)
    sys.stdout.write("| articles | bytes per article | articles per CPU second | peak memory, MB |\n")
    sys.stdout.write("| --- | --- | --- | --- |\n")
    messages = insert_malformed(generate_crawl(crawl), 0.0, crawl.seed)
    articles, lines = 0, (serialize_line(message, with_labels=True) for message in messages)
    while True:
        target = min(options.articles, max(1_000, articles * _ROW_FACTOR))
        start = time.process_time()
        count, size = _consume(islice(lines, target - articles))
        if not count:
            return
        articles += count
        rate = count / (time.process_time() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / 1_000_000
        sys.stdout.write(f"| {articles:,} | {size // count:,} | {rate:,.0f} | {peak:.0f} |\n")
        sys.stdout.flush()


def _consume(lines: Iterator[bytes]) -> tuple[int, int]:
    """Consume the lines. Return their number and their size in bytes."""
    count = size = 0
    for line in lines:
        count += 1
        size += len(line)
    return count, size


if __name__ == "__main__":
    main()
