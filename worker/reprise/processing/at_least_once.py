"""At-least-once delivery: publish, flush, then commit. kafka/transactional.py is the other way of delivering."""

import time
from collections.abc import Sequence

from reprise.errors import Fatal
from reprise.model import Delivered, Outcome, OutputRecord, Stage
from reprise.processing.ports import OffsetCommitter, PendingCommit, Sink, StageObserver, ignore_stage


def publish(outcomes: Sequence[Outcome], sink: Sink) -> Sequence[Delivered]:
    """Queue the record of each outcome, in order; where it is too large for its topic, its first fallback that fits.

    The events of merges are queued first. Returns one Delivered an outcome, before any acknowledgement. Raises
    Unreachable, Fatal.
    """
    _publish_merges([pair for outcome in outcomes for pair in outcome.merges], sink)
    chosen = [outcome.record for outcome in outcomes]
    attempts = [0] * len(outcomes)
    unsent = [position for position, record in enumerate(chosen) if record is not None]
    while unsent:
        too_large = sink.send([record for position in unsent if (record := chosen[position]) is not None])
        unsent = [unsent[index] for index in too_large]
        for position in unsent:
            fallbacks = outcomes[position].fallbacks
            if attempts[position] == len(fallbacks):
                raise Fatal("a dead letter of headers alone is too large for its topic; raise max.message.bytes")
            chosen[position] = fallbacks[attempts[position]]
            attempts[position] += 1
    return [Delivered(message=outcome.message, record=record) for outcome, record in zip(outcomes, chosen, strict=True)]


def _publish_merges(merges: Sequence[tuple[OutputRecord, OutputRecord]], sink: Sink) -> None:
    """Queue the event of each merge; where it is too large for its topic, the smaller one."""
    if not merges:
        return
    too_large = sink.send([event for event, _ in merges])
    if too_large and sink.send([merges[index][1] for index in too_large]):
        raise Fatal(
            "a story.merged event without title and addresses is too large for its topic; raise max.message.bytes"
        )


class AtLeastOnce:
    """The Delivery that commits after every acknowledgement: a crash in between repeats at most one batch."""

    def __init__(
        self,
        sink: Sink,
        committer: OffsetCommitter,
        *,
        flush_timeout_seconds: float,
        observe_stage: StageObserver = ignore_stage,
    ) -> None:
        """Publish to `sink` and commit with `committer`, together within `flush_timeout_seconds`."""
        self._sink = sink
        self._committer = committer
        self._flush_timeout_seconds = flush_timeout_seconds
        self._observe_stage = observe_stage
        #: the batch that is acknowledged and not yet committed, with its records
        self._flushed: tuple[Sequence[Outcome], Sequence[Delivered]] = ((), ())
        #: monotonic time of its last acknowledgement
        self._published_at = 0.0
        #: the commit of that batch, if one was started and not waited for
        self._commit: PendingCommit | None = None

    def begin(self, outcomes: Sequence[Outcome], offset_metadata: str) -> None:
        """See Delivery. Called again after a failure, it publishes nothing a second time that is acknowledged."""
        if self._flushed[0] is not outcomes:
            started = time.monotonic()
            delivered = publish(outcomes, self._sink)
            self._sink.flush()
            self._published_at = time.monotonic()
            self._observe_stage(Stage.PUBLISH, self._published_at - started)
            self._flushed = outcomes, delivered
        self._commit = self._committer.start_commit([outcome.message for outcome in outcomes], offset_metadata)

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """See Delivery. Called again after a commit that failed, it publishes nothing a second time."""
        deadline = time.monotonic() + self._flush_timeout_seconds
        if self._flushed[0] is not outcomes:
            self.begin(outcomes, offset_metadata)
        commit, self._commit = self._commit, None
        if not commit or not commit.wait(deadline - time.monotonic()):
            messages = [outcome.message for outcome in outcomes]
            self._committer.commit(messages, offset_metadata, max(0.0, deadline - time.monotonic()))
        self._observe_stage(Stage.OFFSETS, time.monotonic() - self._published_at)
        _, delivered = self._flushed
        self._flushed = (), ()
        return delivered

    def close(self) -> None:
        """See Delivery."""
        self._sink.close()
