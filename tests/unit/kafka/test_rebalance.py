"""A consumer commits only messages that it fetched in the current assignment of their partition."""

from reprise.kafka.rebalance import AssignmentEpochs, RebalanceTimer
from reprise.model import Message
from reprise.processing.ports import Partition
from tests.fake_clock import FakeClock

FIRST, SECOND = ("articles", 0), ("articles", 1)


def fetch(epochs: AssignmentEpochs, partition: Partition, offset: int) -> Message:
    """Return a message as a poll would, fetched in the current assignment."""
    topic, number = partition
    return Message(
        topic=topic, partition=number, offset=offset, key=None, value=b"", assignment=epochs.epoch(partition)
    )


def test_offsets_are_behind_the_last_message_of_each_partition() -> None:
    """Kafka's committed offset is that of the next message."""
    epochs = AssignmentEpochs()
    epochs.advance([FIRST, SECOND])
    messages = [fetch(epochs, FIRST, 4), fetch(epochs, FIRST, 5), fetch(epochs, SECOND, 7)]
    assert epochs.owned_offsets(messages, [FIRST, SECOND]) == {FIRST: 6, SECOND: 8}


def test_messages_of_a_revoked_partition_are_left_out() -> None:
    """The partition is missing from the assignment, whether its epoch advanced before the fetch or after it."""
    epochs = AssignmentEpochs()
    epochs.advance([FIRST, SECOND])
    before = fetch(epochs, FIRST, 4)
    epochs.advance([FIRST])
    after = fetch(epochs, FIRST, 5)
    assert epochs.owned_offsets([before, after, fetch(epochs, SECOND, 7)], [SECOND]) == {SECOND: 8}


def test_messages_of_an_earlier_assignment_are_left_out() -> None:
    """After a revocation and a new assignment the same messages are fetched again, and only then count."""
    epochs = AssignmentEpochs()
    epochs.advance([FIRST])
    before = fetch(epochs, FIRST, 4)
    epochs.advance([FIRST])
    epochs.advance([FIRST])
    assert epochs.owned_offsets([before], [FIRST]) == {}
    assert epochs.owned_offsets([fetch(epochs, FIRST, 4)], [FIRST]) == {FIRST: 5}


def test_new_consumer_ends_every_assignment() -> None:
    """A new consumer fetches every partition again from its committed offset."""
    epochs = AssignmentEpochs()
    epochs.advance([FIRST])
    before = fetch(epochs, FIRST, 4)
    epochs.advance_all()
    assert epochs.owned_offsets([before], [FIRST]) == {}


def test_a_rebalance_lasts_until_the_member_is_stable_again() -> None:
    """Its duration is reported once. The first join counts; a stable member reports nothing."""
    clock, durations = FakeClock(), list[float]()
    timer = RebalanceTimer(durations.append, clock)
    for is_stable, seconds in ((False, 1.0), (False, 0.5), (True, 10.0), (True, 1.0), (False, 2.0), (True, 1.0)):
        timer.update(is_stable)
        clock.now += seconds
    assert durations == [1.5, 2.0]
