"""What was measured, as it is kept in JSON: plain values. Seconds and bytes unless a name says else."""

from dataclasses import dataclass
from enum import StrEnum


class Contender(StrEnum):
    """Who gets the stream. The limit is the worker's text step and its scripts without Kafka, in one process."""

    NAIVE_HALF = "naive, threshold 0.5"
    NAIVE_HIGH = "naive, threshold 0.8"
    REPRISE = "reprise run"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What it ran on, and with what."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    load_before: float
    kafka: str
    redis: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """Of the stream: how many pages are labelled real ones, the share of articles that do not found a story."""

    articles: int
    labelled: int
    variants_share: float
    words_median: float
    bytes_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """CPU seconds a second that each used over the steady part; None where its process cannot be seen."""

    worker: float
    store: float
    broker: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contender's way through the stream, in articles a second."""

    rate: float
    cores: Cores
    new_stories: int
    resident_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the limit's process tells of itself: all after its first batch, but new stories, which are all."""

    seconds: float
    articles: int
    new_stories: int
    worker_seconds: float
    store_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The rounds: in each, every contender's run by its name."""

    stream: StreamFacts
    rounds: list[dict[Contender, Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The rounds of one worker and of two, on two partitions; all of a stream waits when they begin."""

    stream: StreamFacts
    one: list[Run]
    two: list[Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From sending an article to reading its event.

    edges_ms and counts are a histogram; the last count is of what is above the last edge. `sent_rate` is what the
    sender came to, of the rate that it was asked for.
    """

    rate: float
    sent_rate: float
    articles: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    edges_ms: list[float]
    counts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """From starting a process to reading its first event, and what it occupies while it has nothing to do."""

    first_event_seconds: list[float]
    idle_bytes: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMemory:
    """Bytes an indexed article, all keys and the server's tables included, and an unindexed variant."""

    expected_articles: int
    articles: int
    kept_shingles: float
    bytes_indexed: float
    bytes_variant: float
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One batch at an index: microseconds of the server's CPU a decision, and of the round trip, packing included."""

    server_us: float
    round_trip_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """At one size of the index: probes of it and, by turns, of one that stays at the first size."""

    articles: int
    used_bytes: int
    filled_a_second: float
    grown: list[Probe]
    small: list[Probe]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Decisions against the size of the index; `kept_shingles` is the mean of the articles that it is filled with."""

    expected_articles: int
    kept_shingles: float
    batch: int
    sizes: list[Size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Redis's memory around a window without traffic, the worker running.

    near_share    how near to where it began it must come to be back
    back_seconds  from the last event until it was; None where it was not in time
    left_bytes    what it used at the end
    """

    window_seconds: float
    near_share: float
    articles: int
    before_bytes: int
    full_bytes: int
    left_bytes: int
    back_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All of a run."""

    form: str
    command: str
    date: str
    seconds: float
    machine: Machine
    throughput: Throughput
    scaling: Scaling
    latency: Latency
    starting: Starting
    index_memory: list[IndexMemory]
    growth: Growth
    forgetting: Forgetting
