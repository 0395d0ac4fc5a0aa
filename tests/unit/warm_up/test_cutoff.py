"""The cutoffs of a warm-up: a time, offsets, and the end of another group."""

from reprise.model import CorruptRecord, Message
from reprise.warm_up.cutoff import SETTLED_SECONDS, GroupHandoverCutoff, OffsetCutoff, TimeCutoff, WarmUpPhase
from tests.fake_clock import FakeClock
from tests.unit.warm_up.fake_group import FakeGroup

IN = "articles"


def message(offset: int, partition: int = 0, timestamp_ms: int | None = None) -> Message:
    return Message(topic=IN, partition=partition, offset=offset, key=None, value=b"{}", timestamp_ms=timestamp_ms)


def test_a_time_is_compared_with_the_timestamp() -> None:
    """Messages with an earlier timestamp are learned, in any order. Messages without a timestamp are live."""
    until = TimeCutoff(at_ms=100)
    phases = [until.phase(message(number, timestamp_ms=at)) for number, at in enumerate((99, 100, 50, None))]
    assert phases == [WarmUpPhase.LEARN, WarmUpPhase.LIVE, WarmUpPhase.LEARN, WarmUpPhase.LIVE]
    assert until.phase(CorruptRecord(topic=IN, partition=0, offset=0, detail="")) is WarmUpPhase.LIVE


def test_each_partition_has_its_offset() -> None:
    """Messages below the offset of their partition are learned. A partition without an offset is live."""
    until = OffsetCutoff(offsets={0: 5})
    assert [until.phase(message(at)) for at in (4, 5)] == [WarmUpPhase.LEARN, WarmUpPhase.LIVE]
    assert until.phase(message(0, partition=1)) is WarmUpPhase.LIVE


def test_uncommitted_messages_wait_until_the_group_has_ended() -> None:
    """They wait while the group has members, and for a time after the last one has left."""
    clock, group = FakeClock(), FakeGroup({0: 5})
    until = GroupHandoverCutoff(group.read_state, clock)

    def phases() -> list[WarmUpPhase]:
        until.refresh()
        return [until.phase(message(at)) for at in (4, 5)]

    assert phases() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    group.members = 0
    assert phases() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    clock.now += SETTLED_SECONDS - 1
    group.members = 1  # a restart of its last worker
    assert phases() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    group.members, group.offsets = 0, {0: 6}
    assert phases() == [WarmUpPhase.LEARN, WarmUpPhase.LEARN]
    clock.now += SETTLED_SECONDS
    assert phases() == [WarmUpPhase.LEARN, WarmUpPhase.LEARN]
    assert until.phase(message(6)) is WarmUpPhase.LIVE


def test_a_cutoff_is_final() -> None:
    """New members and commits of the group have no effect after the cutoff, because events are published already."""
    clock, group = FakeClock(), FakeGroup({0: 5}, members=0)
    until = GroupHandoverCutoff(group.read_state, clock)
    clock.now += SETTLED_SECONDS
    until.refresh()
    group.members, group.offsets = 1, {0: 99}
    until.refresh()
    assert until.phase(message(5)) is WarmUpPhase.LIVE
