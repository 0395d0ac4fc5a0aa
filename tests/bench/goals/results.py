"""Define the results as the JSON files hold them. Times are in seconds and sizes in bytes, unless a name has a unit."""

from dataclasses import dataclass
from enum import StrEnum


class BenchmarkedSystem(StrEnum):
    """The systems that get the stream. The limit is a worker's text step and scripts in one process, without Kafka."""

    NAIVE_HALF = "naive, threshold 0.5"
    NAIVE_HIGH = "naive, threshold 0.8"
    NAIVE_TUNED = "naive, tuned to the recall"
    REPRISE = "reprise run"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and the software versions of a run."""

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
    """Facts about a stream.

    labelled        number of labelled real pages
    variants_share  share of articles that do not found a story
    """

    articles: int
    labelled: int
    variants_share: float
    words_median: float
    bytes_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """CPU seconds per second that each process used. None if its process is not visible."""

    worker: float
    store: float
    broker: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRun:
    """One run of a system. `rate` is in articles per second."""

    rate: float
    cores: Cores
    new_stories: int
    resident_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRun:
    """The output of the limit's process, without its first batch. `new_stories` includes the first batch."""

    seconds: float
    articles: int
    new_stories: int
    worker_seconds: float
    store_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The runs of each round, by system. A slow system may be missing from later rounds."""

    stream: StreamFacts
    rounds: list[dict[BenchmarkedSystem, SystemRun]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The runs of one worker and of two, on two partitions. The whole stream is in the topic at the start.

    conflicts: for each run of two workers, the times that an article was decided again
    """

    stream: StreamFacts
    one: list[SystemRun]
    two: list[SystemRun]
    conflicts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRun:
    """The output of the sender's process: seconds since the epoch at which each article was sent, and its CPU time."""

    sent: list[float]
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyValues:
    """Percentiles and a histogram of latencies.

    edges_ms  upper edges of a histogram
    counts    its counts; the last one is of values above the last edge
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    edges_ms: list[float]
    counts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The time from sending an article to its event.

    rate              requested articles per second
    sent_rate         articles per second that were sent
    event             to the broker's timestamp of the event
    reader            to the return of the live reader's poll with the event; None without a reader
    instrument_cores  CPU seconds per second of the sender and the reader
    """

    rate: float
    sent_rate: float
    articles: int
    event: LatencyValues
    reader: LatencyValues | None
    cores: Cores
    instrument_cores: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """The time from the start of each worker to its first event, and its resident memory when idle."""

    first_event_seconds: list[float]
    idle_bytes: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMemory:
    """Memory per indexed article, including all keys and the server's tables, and per unindexed variant."""

    expected_articles: int
    articles: int
    kept_shingles: float
    bytes_indexed: float
    bytes_variant: float
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One batch: microseconds per decision of the server's CPU, and of the round trip with serialization."""

    server_us: float
    round_trip_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSize:
    """One size of the index: probes of the growing index and, in turns, of one that has the first size."""

    articles: int
    used_bytes: int
    articles_per_second: float
    grown: list[Probe]
    small: list[Probe]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexGrowth:
    """Decision times by size of the index. `kept_shingles` is the mean number of shingles of an article."""

    expected_articles: int
    kept_shingles: float
    batch: int
    sizes: list[IndexSize]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Redis's memory around a window without traffic, while a worker runs.

    near_share    largest growth, as a share of `before_bytes`, that counts as back
    before_bytes  memory before the articles
    full_bytes    memory with the articles
    left_bytes    memory at the end
    back_seconds  time from the last event until memory was back; None if it was not in time
    """

    window_seconds: float
    near_share: float
    articles: int
    before_bytes: int
    full_bytes: int
    left_bytes: int
    back_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResults:
    """All results of a run."""

    profile: str
    command: str
    date: str
    seconds: float
    machine: Machine
    throughput: Throughput
    scaling: Scaling
    latencies: list[Latency]
    startup: Startup
    index_memory: list[IndexMemory]
    growth: IndexGrowth
    expiry: Expiry
