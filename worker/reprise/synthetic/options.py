"""Define and check the options of a crawl."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reprise.errors import UsageError
from reprise.synthetic.burst import STEADY, Burst
from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.reprints import REPRINTS
from reprise.synthetic.sites import MAX_SITES

#: largest mean length of a story in words; memory holds the text of `reach` stories
MAX_WORDS: Final = 10_000

#: largest number of stories that can be reprinted; 100,000 stories of 400 words take 0.7 GB
MAX_REACH: Final = 100_000

#: largest weight of a kind or a language; a share can then be as small as one in a thousand
MAX_WEIGHT: Final = 1000

#: largest skew: Zipf's law, by which the first of 1,000 stories has a seventh of all reprints; `largest` goes beyond
MAX_SKEW: Final = 1

#: longest mean interval between two articles: one day, in microseconds
_MAX_INTERVAL_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlOptions:
    """The options of a crawl. Shares are in 0..1.

    count        number of articles; None for an endless crawl
    words        mean length of a new story; `spread` is the largest deviation, as a share of the mean
    duplicates   share of reprints; `kinds` holds integer weights of the kinds of reprints
    largest      share of the reprints that reprint the first story, for the whole crawl
    skew         inequality of the other stories: a story's probability falls with its rank as 1 / rank ** skew
    reach        approximate number of stories that are recent enough to be reprinted
    html         share of articles with `html` instead of `text`
    languages    a mapping gives each language its weight among the new stories; a sequence gives the languages to the
                 sites in turn
    interval_us  mean time between two articles on the simulated clock, outside of a `burst`

    Raises UsageError with one line for each invalid value.
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
        errors = [message for is_invalid, message in self._checks() if is_invalid]
        if errors:
            raise UsageError("\n".join(errors))

    def _checks(self) -> Iterator[tuple[bool, str]]:
        yield self.count is not None and self.count < 0, f"count must be at least 0, not {self.count}"
        yield self.seed < 0, f"seed must be at least 0, not {self.seed}"
        for name in ("spread", "duplicates", "largest", "html"):
            yield not 0 <= getattr(self, name) <= 1, f"{name} must be in 0..1, not {getattr(self, name)}"
        yield not 0 <= self.skew <= MAX_SKEW, f"skew must be in 0..{MAX_SKEW}, not {self.skew}"
        yield from _check_weights("kinds", self.kinds, REPRINTS)
        min_sites = len(set(self.languages))
        weights = self.languages if isinstance(self.languages, Mapping) else dict.fromkeys(self.languages, 1)
        yield from _check_weights("languages", weights, LANGUAGES)
        for name, minimum, maximum in (
            ("words", 1, MAX_WORDS),
            ("reach", 1, MAX_REACH),
            ("sites", min_sites, MAX_SITES),
            ("interval_us", 1, _MAX_INTERVAL_US),
        ):
            value = getattr(self, name)
            yield not minimum <= value <= maximum, f"{name} must be in {minimum}..{maximum}, not {value}"


def _check_weights(option: str, weights: Mapping[str, int], known: Mapping[str, object]) -> Iterator[tuple[bool, str]]:
    unknown = sorted(set(weights) - set(known))
    yield bool(unknown), f"{option} must be among {', '.join(known)}, not {', '.join(unknown)}"
    outside = [name for name, weight in weights.items() if not 0 <= weight <= MAX_WEIGHT]
    yield bool(outside), f"{option}: a weight must be in 0..{MAX_WEIGHT}; out of range: {', '.join(outside)}"
    yield not any(weights.values()), f"{option} must name at least one, with a weight above 0"
