"""Where the silence of a warm-up ends."""

from reprise.model import CorruptRecord, Message
from reprise.warm_up.cutoff import SETTLED_SECONDS, GroupHandoverCutoff, OffsetCutoff, TimeCutoff, WarmUpPhase
from tests.fake_clock import FakeClock
from tests.unit.warm_up.other_group import Group

IN = "articles"


def message(offset: int, partition: int = 0, timestamp_ms: int | None = None) -> Message:
    return Message(topic=IN, partition=partition, offset=offset, key=None, value=b"{}", timestamp_ms=timestamp_ms)


def test_a_time_is_compared_with_the_message() -> None:
    """What is stamped before is silent, whatever its place; what has no stamp is told."""
    until = TimeCutoff(at_ms=100)
    found = [until.phase(message(number, timestamp_ms=at)) for number, at in enumerate((99, 100, 50, None))]
    assert found == [WarmUpPhase.LEARN, WarmUpPhase.LIVE, WarmUpPhase.LEARN, WarmUpPhase.LIVE]
    assert until.phase(CorruptRecord(topic=IN, partition=0, offset=0, detail="")) is WarmUpPhase.LIVE


def test_offsets_are_of_each_partition() -> None:
    """Below a partition's offset is silent; a partition that is not named is told whole."""
    until = OffsetCutoff(offsets={0: 5})
    assert [until.phase(message(at)) for at in (4, 5)] == [WarmUpPhase.LEARN, WarmUpPhase.LIVE]
    assert until.phase(message(0, partition=1)) is WarmUpPhase.LIVE


def test_a_group_is_waited_for_until_it_is_gone() -> None:
    """What it has not committed waits while it has members, and for a while after the last one left."""
    clock, group = FakeClock(), Group({0: 5})
    until = GroupHandoverCutoff(group.look, clock)

    def verdicts() -> list[WarmUpPhase]:
        until.refresh()
        return [until.phase(message(at)) for at in (4, 5)]

    assert verdicts() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    group.members = 0
    assert verdicts() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    clock.now += SETTLED_SECONDS - 1
    group.members = 1  # its last worker was replaced
    assert verdicts() == [WarmUpPhase.LEARN, WarmUpPhase.WAIT]
    group.members, group.offsets = 0, {0: 6}
    assert verdicts() == [WarmUpPhase.LEARN, WarmUpPhase.LEARN]
    clock.now += SETTLED_SECONDS
    assert verdicts() == [WarmUpPhase.LEARN, WarmUpPhase.LEARN]
    assert until.phase(message(6)) is WarmUpPhase.LIVE


def test_once_over_it_stays_over() -> None:
    """A group that comes back later changes nothing: what is told cannot be taken back."""
    clock, group = FakeClock(), Group({0: 5}, members=0)
    until = GroupHandoverCutoff(group.look, clock)
    clock.now += SETTLED_SECONDS
    until.refresh()
    group.members, group.offsets = 1, {0: 99}
    until.refresh()
    assert until.phase(message(5)) is WarmUpPhase.LIVE
