"""What may be asked of a crawl, and what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reprise.errors import UsageError
from reprise.synthetic.burst import STEADY, Burst
from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.reprints import REPRINTS
from reprise.synthetic.sites import MOST_SITES

#: longest mean of a story in words that may be asked for; `reach` stories are kept in memory
MOST_WORDS: Final = 10_000

#: most stories that may be printed again; 100,000 of 400 words are 0.7 GB
MOST_REACH: Final = 100_000

#: largest weight of a kind or a language: a thousandth of the rest can be asked for
MOST_WEIGHT: Final = 1000

#: largest skew: Zipf's law, by which the first of 1,000 stories has a seventh of all; `largest` goes beyond
MOST_SKEW: Final = 1

#: microseconds between two articles, at most a day
_LONGEST_INTERVAL_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """What to generate. Shares are in 0..1.

    count        articles; None: without end
    words        mean length of a new story; `spread` is its largest deviation as a share of it
    duplicates   share of reprints, whose `kinds` have whole weights
    largest      share of the reprints that are of the first story, however long the crawl is
    skew         how unequal the others are: a story's chances fall with its rank as 1 / rank ** skew
    reach        stories, about, that are recent enough to be printed again
    languages    with weights: each has that part of the new stories; without: the sites speak them in turn
    interval_us  mean time between two articles on the simulated clock outside of a `burst`

    Raises UsageError, one line for each mistake.
    """

    count: int | None
    seed: int = 0
    words: int = 400
    spread: float = 0.5
    duplicates: float = 0.5
    kinds: Mapping[str, int] = field(default_factory=lambda: REPRINTS)
    largest: float = 0.0
    skew: float = 1.0
    reach: int = 1024
    html: float = 0.2
    languages: Sequence[str] | Mapping[str, int] = tuple(LANGUAGES)
    sites: int = 200
    interval_us: int = 100_000
    burst: Burst = STEADY

    def __post_init__(self) -> None:
        mistakes = [message for wrong, message in self._checks() if wrong]
        if mistakes:
            raise UsageError("\n".join(mistakes))

    def _checks(self) -> Iterator[tuple[bool, str]]:
        yield self.count is not None and self.count < 0, f"count must not be negative, not {self.count}"
        yield self.seed < 0, f"seed must not be negative, not {self.seed}"
        for name in ("spread", "duplicates", "largest", "html"):
            yield not 0 <= getattr(self, name) <= 1, f"{name} must be in 0..1, not {getattr(self, name)}"
        yield not 0 <= self.skew <= MOST_SKEW, f"skew must be in 0..{MOST_SKEW}, not {self.skew}"
        yield from _weights("kinds", self.kinds, REPRINTS)
        fewest = len(set(self.languages))
        weights = self.languages if isinstance(self.languages, Mapping) else dict.fromkeys(self.languages, 1)
        yield from _weights("languages", weights, LANGUAGES)
        for name, least, most in (
            ("words", 1, MOST_WORDS),
            ("reach", 1, MOST_REACH),
            ("sites", fewest, MOST_SITES),
            ("interval_us", 1, _LONGEST_INTERVAL_US),
        ):
            value = getattr(self, name)
            yield not least <= value <= most, f"{name} must be in {least}..{most}, not {value}"


def _weights(name: str, weights: Mapping[str, int], known: Mapping[str, object]) -> Iterator[tuple[bool, str]]:
    unknown = sorted(set(weights) - set(known))
    yield bool(unknown), f"{name} must be among {', '.join(known)}, not {', '.join(unknown)}"
    outside = [each for each, weight in weights.items() if not 0 <= weight <= MOST_WEIGHT]
    yield bool(outside), f"{name}: a weight must be in 0..{MOST_WEIGHT}, which {', '.join(outside)} is not"
    yield not any(weights.values()), f"{name} must name at least one, with a weight above 0"
