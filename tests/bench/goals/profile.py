"""How much is measured: a run's sizes, by the time that there is."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The sizes of a run.

    articles            of the stream that every contender gets, of that of one worker and of two
    rounds              in which contenders take turns
    latency_seconds     for which articles are sent at half of the maximum rate
    starts              of a worker, each timed
    memory_articles     distinct articles in an index that expects so many
    sizes               of the index at which a decision is timed, ascending; the first is what others are compared with
    forgotten_articles  that Redis must have forgotten when their window is over
    """

    name: str
    articles: int
    scaling_articles: int
    rounds: int
    latency_seconds: float
    starts: int
    memory_articles: int
    sizes: tuple[int, ...]
    forgotten_articles: int


FORMS: Final = {
    form.name: form
    for form in (
        # a minute or two: whether everything runs; its figures mean nothing, and are not kept
        Form(
            name="smoke",
            articles=1_500,
            scaling_articles=1_500,
            rounds=1,
            latency_seconds=5.0,
            starts=1,
            memory_articles=1_000,
            sizes=(4_000, 8_000),
            forgotten_articles=500,
        ),
        # below ten minutes on two cores, half of which is the naive pipeline's
        Form(
            name="short",
            articles=4_000,
            scaling_articles=6_000,
            rounds=3,
            latency_seconds=20.0,
            starts=5,
            memory_articles=10_000,
            sizes=(10_000, 30_000, 100_000),
            forgotten_articles=5_000,
        ),
        # about forty minutes: the million, and more rounds
        Form(
            name="full",
            articles=8_000,
            scaling_articles=16_000,
            rounds=5,
            latency_seconds=60.0,
            starts=10,
            memory_articles=100_000,
            sizes=(10_000, 30_000, 100_000, 300_000, 1_000_000),
            forgotten_articles=20_000,
        ),
    )
}
