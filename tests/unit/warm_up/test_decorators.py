"""The decorators of a warm-up: source, index and delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from reprise.errors import Unreachable
from reprise.model import CorruptRecord, Fingerprint, Message, Outcome, OutputRecord
from reprise.observability.observers import NullObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.batch import is_tombstone
from reprise.processing.pending import CompletedDecisions
from reprise.processing.ports import Partition, PendingDecisions
from reprise.warm_up.cutoff import SETTLED_SECONDS, Cutoff, GroupHandoverCutoff, OffsetCutoff
from reprise.warm_up.decorators import PROGRESS_SECONDS, REFRESH_SECONDS, WarmUpDelivery, WarmUpIndex, WarmUpSource
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource
from tests.fake_clock import FakeClock
from tests.unit.warm_up.fake_group import FakeGroup

IN, OUT = "articles", "events"


@dataclass
class RecordingIndex:
    """An index that records its calls."""

    calls: list[tuple[str, int]] = field(default_factory=list)

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.calls.append(("learn", len(fingerprints)))
        return CompletedDecisions(())

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.calls.append(("submit", len(fingerprints)))
        return CompletedDecisions(())

    def close(self) -> None: ...


class RewindableMemorySource(MemorySource):
    """A source in memory that can be rewound. Rewound partitions are paused until it resumes."""

    def __post_init__(self) -> None:
        self.rewound: set[Partition] = set()
        super().__post_init__()

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        paused = {partition: self.positions.pop(partition) for partition in self.rewound}
        try:
            return super().poll(timeout_seconds)
        finally:
            self.positions.update(paused)

    def rewind(self, offsets: Mapping[Partition, int]) -> None:
        self.positions.update(offsets)
        self.rewound |= offsets.keys()

    def resume(self) -> None:
        super().resume()
        self.rewound.clear()


@dataclass
class WarmUpRun(NullObserver):
    """A short loop of a worker: poll, submit to the index, deliver."""

    until: Cutoff
    broker: MemoryBroker
    clock: FakeClock = field(default_factory=FakeClock)
    index: RecordingIndex = field(default_factory=RecordingIndex)
    calls: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    live: list[bool] = field(default_factory=list)
    batch_max: int = 4

    def __post_init__(self) -> None:
        source = RewindableMemorySource(self.broker, [IN], batch_max=self.batch_max)
        self.source = WarmUpSource(
            source,
            self.until,
            self,
            monotonic=self.clock,
        )
        self.delivery = WarmUpDelivery(
            AtLeastOnce(MemorySink(self.broker), source, flush_timeout_seconds=30.0), self.source
        )
        self.warm_up_index = WarmUpIndex(self.index, self.source)

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        self.calls.append(("warm_up_progress", {"learned": learned, "is_waiting": is_waiting}))

    def warm_up_over(self, learned: int) -> None:
        self.calls.append(("warm_up_over", {"learned": learned}))
        self.live.append(True)

    def step(self) -> list[int]:
        """Process one batch and return its offsets."""
        messages = self.source.poll(0.1)
        if not messages:
            return []
        self.warm_up_index.submit("n", [Fingerprint(article_id="a", content_hash=b"")] * len(messages), 0)
        outcomes = [_outcome(message) for message in messages]
        delivered = self.delivery.deliver(outcomes, "")
        assert [one.record for one in delivered] == [outcome.record for outcome in outcomes]  # metrics count outcomes
        return [message.offset for message in messages]

    def events(self) -> list[str]:
        return [(message.value or b"").decode() for message in self.broker.messages(OUT)]

    def committed(self) -> dict[int, int]:
        return {partition: offset for (_, (topic, partition)), offset in self.broker.committed.items() if topic == IN}


def _outcome(message: Message | CorruptRecord) -> Outcome:
    if is_tombstone(message):
        return Outcome(message=message)
    name = f"{message.partition}:{message.offset}".encode()
    return Outcome(message=message, record=OutputRecord(topic=OUT, key=None, value=name, headers=()))


def make_broker(*lengths: int) -> MemoryBroker:
    broker = MemoryBroker()
    broker.create(OUT)
    for partition, length in enumerate(lengths):
        for _ in range(length):
            broker.append(IN, OutputRecord(topic=IN, key=None, value=b"{}", headers=()), partition)
    return broker


def test_a_batch_is_cut_at_the_end_of_the_warm_up() -> None:
    """Messages below the cutoff are learned and committed, the others are published once and in order."""
    run = WarmUpRun(OffsetCutoff(offsets={0: 3}), make_broker(6))
    assert [run.step(), run.live] == [[0, 1, 2], []]
    assert (run.committed(), run.events()) == ({0: 3}, [])
    assert [run.step(), run.step()] == [[3, 4, 5], []]
    assert (run.committed(), run.events()) == ({0: 6}, ["0:3", "0:4", "0:5"])
    assert run.index.calls == [("learn", 3), ("submit", 3)]
    assert run.live == [True]
    assert [event for event, _ in run.calls] == ["warm_up_over"]


def test_no_batch_has_learned_and_live_messages() -> None:
    """Each partition is cut at its own offset, and the learned messages are processed first."""
    run = WarmUpRun(OffsetCutoff(offsets={0: 2, 1: 5}), make_broker(4, 6), batch_max=7)
    while run.step():
        pass
    assert run.committed() == {0: 4, 1: 6}
    assert sorted(run.events()) == ["0:2", "0:3", "1:5"]


def test_a_worker_takes_over_where_a_group_ended() -> None:
    """Messages after the group's commits wait until it has ended, and are live then."""
    group = FakeGroup({0: 2})
    clock = FakeClock()
    run = WarmUpRun(GroupHandoverCutoff(group.read_state, clock), make_broker(6), clock)
    assert [run.step(), run.step()] == [[0, 1], []]
    reads = group.reads
    assert run.step() == []
    assert group.reads == reads  # the state is not read at every poll
    clock.now += REFRESH_SECONDS
    group.offsets = {0: 3}
    assert run.step() == [2]
    group.members, group.offsets = 0, {0: 4}
    for _ in range(3):
        clock.now += SETTLED_SECONDS
        run.step()
    assert run.committed() == {0: 6}
    assert run.events() == ["0:4", "0:5"]


def test_a_restart_continues_the_warm_up() -> None:
    """Another worker of the group publishes no message below the cutoff."""
    broker = make_broker(6)
    first = WarmUpRun(OffsetCutoff(offsets={0: 5}), broker)
    assert first.step() == [0, 1, 2, 3]
    first.source.close()
    second = WarmUpRun(OffsetCutoff(offsets={0: 5}), broker)
    assert [second.step(), second.step()] == [[4], [5]]
    assert broker.messages(OUT)[0].value == b"0:5"
    assert len(broker.messages(OUT)) == 1


def test_an_outage_while_waiting_loses_no_message() -> None:
    """A failed read of the group's state raises Unreachable. The rewound messages are polled after pause and resume."""
    group, clock = FakeGroup({0: 2}), FakeClock()
    run = WarmUpRun(GroupHandoverCutoff(group.read_state, clock), make_broker(4), clock)
    assert [run.step(), run.step()] == [[0, 1], []]
    clock.now += REFRESH_SECONDS

    group.is_reachable = False
    with pytest.raises(Unreachable):
        run.source.poll(0.1)
    run.source.pause()
    assert run.source.poll(0.1) == []
    run.source.resume()
    group.is_reachable = True
    group.members = 0
    for _ in range(4):
        clock.now += SETTLED_SECONDS
        run.step()
    assert run.events() == ["0:2", "0:3"]


def test_progress_is_reported_at_an_interval() -> None:
    """The observer gets the number of learned messages, and whether the warm-up waits."""
    group, clock = FakeGroup({0: 2}), FakeClock()
    run = WarmUpRun(GroupHandoverCutoff(group.read_state, clock), make_broker(4), clock)
    for _ in range(5):
        run.step()
    assert run.calls == []
    clock.now += PROGRESS_SECONDS
    run.step()
    assert run.calls == [("warm_up_progress", {"learned": 2, "is_waiting": True})]
