"""How fast one generator is and whether it grows: `python -m tests.bench.generate`, a Markdown table.

Lines are made and thrown away, in this process alone. Articles a second are of its CPU time, so that a busy machine
changes them little; memory is the most that the process ever had, as the kernel counts it.
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

#: A row for each so many times as many articles as the row before.
_STEP: Final = 10

#: bytes of the kernel's unit: kilobytes, but on macOS
_MAXRSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Print a row at 1,000, 10,000, ... articles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100_000, help="how many in all (default: %(default)s)")
    parser.add_argument("--words", type=int, default=400, help="mean words of a new story (default: %(default)s)")
    parser.add_argument("--largest", type=float, default=0.0, help="share of the first story (default: %(default)s)")
    parser.add_argument("--reach", type=int, default=1024, help="stories still reprinted (default: %(default)s)")
    given = parser.parse_args()
    options = CrawlOptions(count=given.articles, words=given.words, largest=given.largest, reach=given.reach)
    sys.stdout.write("| articles | bytes an article | articles/s of CPU | peak memory, MB |\n")
    sys.stdout.write("| --- | --- | --- | --- |\n")
    articles, lines = (
        0,
        (
            serialize_line(each, with_labels=True)
            for each in insert_malformed(generate_crawl(options), 0.0, options.seed)
        ),
    )
    while True:
        target = min(given.articles, max(1_000, articles * _STEP))
        began = time.process_time()
        made, written = _spent(islice(lines, target - articles))
        if not made:
            return
        articles += made
        rate = made / (time.process_time() - began)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / 1_000_000
        sys.stdout.write(f"| {articles:,} | {written // made:,} | {rate:,.0f} | {peak:.0f} |\n")
        sys.stdout.flush()


def _spent(lines: Iterator[bytes]) -> tuple[int, int]:
    """Count lines and their bytes."""
    count = size = 0
    for each in lines:
        count += 1
        size += len(each)
    return count, size


if __name__ == "__main__":
    main()
