"""Define the sizes of a run, by the available time."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkProfile:
    """The sizes of a run.

    articles            articles of the throughput stream
    scaling_articles    articles of the stream for one and two workers
    rounds              rounds in which the systems take turns
    tuned_rounds        those that include the naive pipeline tuned to the recall
    latency_seconds     duration of sending at each rate
    starts              measured starts of a worker
    memory_articles     distinct articles for the memory of the index
    sizes               index sizes at which decisions are timed, ascending; the first is the reference
    expiring_articles   articles that must expire from Redis
    """

    name: str
    articles: int
    scaling_articles: int
    rounds: int
    tuned_rounds: int
    latency_seconds: float
    starts: int
    memory_articles: int
    sizes: tuple[int, ...]
    expiring_articles: int


PROFILES: Final = {
    profile.name: profile
    for profile in (
        # Two minutes. It checks that the benchmark works; its figures mean nothing and are not kept.
        BenchmarkProfile(
            name="smoke",
            articles=1_500,
            scaling_articles=1_500,
            rounds=1,
            tuned_rounds=1,
            latency_seconds=5.0,
            starts=1,
            memory_articles=1_000,
            sizes=(4_000, 8_000),
            expiring_articles=500,
        ),
        # Less than ten minutes on two cores, half of it for the naive pipelines.
        BenchmarkProfile(
            name="short",
            articles=4_000,
            scaling_articles=6_000,
            rounds=3,
            tuned_rounds=1,
            latency_seconds=20.0,
            starts=3,
            memory_articles=10_000,
            sizes=(10_000, 30_000, 100_000),
            expiring_articles=5_000,
        ),
        # Some hours: more rounds, and an index of three million articles, which needs 5 GB of memory.
        BenchmarkProfile(
            name="full",
            articles=8_000,
            scaling_articles=16_000,
            rounds=5,
            tuned_rounds=5,
            latency_seconds=60.0,
            starts=10,
            memory_articles=100_000,
            sizes=(10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000),
            expiring_articles=20_000,
        ),
    )
}
