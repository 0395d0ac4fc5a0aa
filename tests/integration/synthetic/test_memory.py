"""The memory of the generator of synthetic crawls."""

import tracemalloc
from itertools import islice
from typing import Any

import pytest

from reprise.synthetic import CrawlOptions, generate_crawl, insert_malformed


@pytest.mark.parametrize("options", [{}, {"largest": 0.5, "duplicates": 0.9, "reach": 64}, {"skew": 0.0}])
def test_memory_does_not_grow(options: dict[str, Any]) -> None:
    """From the 3,000th to the 8,000th message the generator's memory grows by less than 1 MB."""
    endless = generate_crawl(CrawlOptions(count=None, words=60, languages=("en", "zh"), sites=100, **options))
    articles = islice(insert_malformed(endless, 0.05, 0), 8000)
    tracemalloc.start()
    try:
        for _ in islice(articles, 3000):
            pass
        early, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in articles:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - early < 1_000_000
