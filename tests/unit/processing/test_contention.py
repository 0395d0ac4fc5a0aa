"""Batches are small while another worker's commits make many decisions repeat."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reprise.model import Decision, EventType, Fingerprint, Trace
from reprise.processing.contention import ContentionMonitor
from reprise.processing.ports import PendingDecisions
from tests.unit.processing.test_pipeline import FakeIndex, FakePending, PipelineRun


def decisions(count: int, *, repeated: int) -> list[Decision]:
    """Return decisions, the first of which were repeated once."""
    decision = Decision(type=EventType.NEW, story_id="s", decided_at_ms=0)
    again = replace(decision, trace=Trace(conflicts=1))
    return [again] * repeated + [decision] * (count - repeated)


def test_conflicts_are_presumed_until_enough_articles_are_decided() -> None:
    monitor = ContentionMonitor()
    assert monitor.is_contended
    monitor.record(decisions(499, repeated=4))
    assert monitor.is_contended
    monitor.record(decisions(1, repeated=0))
    assert not monitor.is_contended


@pytest.mark.parametrize(("repeated", "is_contended"), [(0, False), (24, False), (25, True), (500, True)])
def test_frequent_conflicts(repeated: int, *, is_contended: bool) -> None:
    monitor = ContentionMonitor()
    monitor.record(decisions(500, repeated=0))
    monitor.record(decisions(500, repeated=repeated))
    assert monitor.is_contended is is_contended


def test_contention_ends_when_conflicts_are_rare() -> None:
    """A share between both bounds changes nothing, so that the bound does not change with every batch."""
    monitor = ContentionMonitor()
    states = []
    for repeated in (25, 5, 4, 5, 24, 25):
        monitor.record(decisions(500, repeated=repeated))
        states.append(monitor.is_contended)
    assert states == [True, True, False, False, False, True]


class ContendedIndex(FakeIndex):
    """An index in which every decision is repeated once, up to a number of decisions."""

    contended_decisions = 0

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        pending = super().submit(namespace, fingerprints, now_ms)
        assert isinstance(pending, FakePending)
        index = self

        class Pending(FakePending):
            def result(self) -> Sequence[Decision]:
                trace = Trace(conflicts=int(index.contended_decisions > 0))
                index.contended_decisions -= len(self.stories)
                return [replace(decision, trace=trace) for decision in super().result()]

        return Pending(pending.faults, pending.stories, pending.now_ms)


def test_batches_are_small_while_conflicts_are_frequent() -> None:
    """Batches are cut until 500 articles have no conflict. Those in flight when conflicts become frequent are whole."""
    count = 4200
    values = [b"%d" % number for number in range(count)]
    run = PipelineRun(*values, batch_max=300, overlap_min_messages=50)
    run.pipeline.index = run.index = index = ContendedIndex(run.faults)
    index.contended_decisions = 1500
    run.pipeline.monotonic = run.time
    assert run.pipeline.run() is True
    sizes = [size for _, size in run.observer.of("decided")]
    assert set(sizes[:35]) == {49, 300 % 49}
    assert sizes[-1] == 300
    calls = run.faults.calls
    last = len(calls) - calls[::-1].index("submit")
    assert calls[:last].count("poll") == count // 300, "the parts of a poll need no poll of their own"
    assert run.events == [b"%d n-%d" % (number, number) for number in range(count)]
    assert run.committed == count
