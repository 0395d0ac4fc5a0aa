"""What the decorators of a warm-up make of a batch."""

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
from reprise.warm_up.cutoff import SETTLED_SECONDS, Cutoff, GroupHandoverCutoff, GroupState, OffsetCutoff
from reprise.warm_up.decorators import PROGRESS_SECONDS, REFRESH_SECONDS, WarmUpDelivery, WarmUpIndex, WarmUpSource
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource
from tests.fake_clock import FakeClock
from tests.unit.warm_up.other_group import Group

IN, OUT = "articles", "events"


@dataclass
class Recording:
    """An index that notes how it was asked."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.asked.append(("learn", len(fingerprints)))
        return CompletedDecisions(())

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.asked.append(("submit", len(fingerprints)))
        return CompletedDecisions(())

    def close(self) -> None: ...


class Tape(MemorySource):
    """A source in memory that takes messages back; it has paused what it took back."""

    def __post_init__(self) -> None:
        self.back: set[Partition] = set()
        super().__post_init__()

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        kept = {partition: self.positions.pop(partition) for partition in self.back}
        try:
            return super().poll(timeout_seconds)
        finally:
            self.positions.update(kept)

    def rewind(self, offsets: Mapping[Partition, int]) -> None:
        self.positions.update(offsets)
        self.back |= offsets.keys()

    def resume(self) -> None:
        super().resume()
        self.back.clear()


@dataclass
class World(NullObserver):
    """A worker's loop in short: poll, ask the index, deliver."""

    until: Cutoff
    broker: MemoryBroker
    clock: FakeClock = field(default_factory=FakeClock)
    index: Recording = field(default_factory=Recording)
    lines: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    live: list[bool] = field(default_factory=list)
    batch_max: int = 4

    def __post_init__(self) -> None:
        tape = Tape(self.broker, [IN], batch_max=self.batch_max)
        self.source = WarmUpSource(
            tape,
            self.until,
            self,
            monotonic=self.clock,
        )
        self.delivery = WarmUpDelivery(
            AtLeastOnce(MemorySink(self.broker), tape, flush_timeout_seconds=30.0), self.source
        )
        self.warm = WarmUpIndex(self.index, self.source)

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        self.lines.append(("warm_up_progress", {"learned": learned, "is_waiting": is_waiting}))

    def warm_up_over(self, learned: int) -> None:
        self.lines.append(("warm_up_over", {"learned": learned}))
        self.live.append(True)

    def step(self) -> list[int]:
        """One batch; returns its offsets."""
        messages = self.source.poll(0.1)
        if not messages:
            return []
        self.warm.submit("n", [Fingerprint(article_id="a", content_hash=b"")] * len(messages), 0)
        outcomes = [_outcome(each) for each in messages]
        delivered = self.delivery.deliver(outcomes, "")
        assert [each.record for each in delivered] == [each.record for each in outcomes]  # counted as what they are
        return [each.offset for each in messages]

    def told(self) -> list[str]:
        return [(each.value or b"").decode() for each in self.broker.messages(OUT)]

    def committed(self) -> dict[int, int]:
        return {partition: at for (_, (topic, partition)), at in self.broker.committed.items() if topic == IN}


def _outcome(each: Message | CorruptRecord) -> Outcome:
    if is_tombstone(each):
        return Outcome(message=each)
    name = f"{each.partition}:{each.offset}".encode()
    return Outcome(message=each, record=OutputRecord(topic=OUT, key=None, value=name, headers=()))


def a_broker(*lengths: int) -> MemoryBroker:
    broker = MemoryBroker()
    broker.create(OUT)
    for partition, length in enumerate(lengths):
        for _ in range(length):
            broker.append(IN, OutputRecord(topic=IN, key=None, value=b"{}", headers=()), partition)
    return broker


def test_silence_ends_in_the_middle_of_a_batch() -> None:
    """What is below is learnt, committed and not told; from there on everything is told, once and in order."""
    world = World(OffsetCutoff(offsets={0: 3}), a_broker(6))
    assert [world.step(), world.live] == [[0, 1, 2], []]
    assert (world.committed(), world.told()) == ({0: 3}, [])
    assert [world.step(), world.step()] == [[3, 4, 5], []]
    assert (world.committed(), world.told()) == ({0: 6}, ["0:3", "0:4", "0:5"])
    assert world.index.asked == [("learn", 3), ("submit", 3)]
    assert world.live == [True]
    assert [event for event, _ in world.lines] == ["warm_up_over"]


def test_no_batch_is_of_both_kinds() -> None:
    """Where partitions are at different places, each is cut on its own, and what is silent goes first."""
    world = World(OffsetCutoff(offsets={0: 2, 1: 5}), a_broker(4, 6), batch_max=7)
    while world.step():
        pass
    assert world.committed() == {0: 4, 1: 6}
    assert sorted(world.told()) == ["0:2", "0:3", "1:5"]


def test_it_waits_for_a_group_and_takes_over_where_that_ended() -> None:
    """While the group lives nothing past its commits is handed out; with it gone, the rest is told from there."""
    group = Group({0: 2})
    clock = FakeClock()
    world = World(GroupHandoverCutoff(group.look, clock), a_broker(6), clock)
    assert [world.step(), world.step()] == [[0, 1], []]
    asked = group.asked
    assert world.step() == []
    assert group.asked == asked  # not once a poll
    clock.now += REFRESH_SECONDS
    group.offsets = {0: 3}
    assert world.step() == [2]
    group.members, group.offsets = 0, {0: 4}
    for _ in range(3):
        clock.now += SETTLED_SECONDS
        world.step()
    assert world.committed() == {0: 6}
    assert world.told() == ["0:4", "0:5"]


def test_a_restart_in_the_middle_begins_in_silence_again() -> None:
    """Another worker of the group, with no memory of the first, tells nothing that lies below."""
    broker = a_broker(6)
    first = World(OffsetCutoff(offsets={0: 5}), broker)
    assert first.step() == [0, 1, 2, 3]
    first.source.close()
    second = World(OffsetCutoff(offsets={0: 5}), broker)
    assert [second.step(), second.step()] == [[4], [5]]
    assert broker.messages(OUT)[0].value == b"0:5"
    assert len(broker.messages(OUT)) == 1


def test_an_outage_while_waiting_loses_nothing() -> None:
    """A look that fails is Unreachable, and the loop's pause and resume bring what was put back again."""
    group, clock = Group({0: 2}), FakeClock()
    world = World(GroupHandoverCutoff(group.look, clock), a_broker(4), clock)
    assert [world.step(), world.step()] == [[0, 1], []]
    clock.now += REFRESH_SECONDS

    def away() -> GroupState:
        raise Unreachable("kafka")

    world.until._read_state = away  # type: ignore[attr-defined]
    with pytest.raises(Unreachable):
        world.source.poll(0.1)
    world.source.pause()
    assert world.source.poll(0.1) == []
    world.source.resume()
    world.until._read_state = group.look  # type: ignore[attr-defined]
    group.members = 0
    for _ in range(4):
        clock.now += SETTLED_SECONDS
        world.step()
    assert world.told() == ["0:2", "0:3"]


def test_progress_is_told_seldom() -> None:
    """A line in half a minute says how much is learnt, and whether it waits."""
    group, clock = Group({0: 2}), FakeClock()
    world = World(GroupHandoverCutoff(group.look, clock), a_broker(4), clock)
    for _ in range(5):
        world.step()
    assert world.lines == []
    clock.now += PROGRESS_SECONDS
    world.step()
    assert world.lines == [("warm_up_progress", {"learned": 2, "is_waiting": True})]
