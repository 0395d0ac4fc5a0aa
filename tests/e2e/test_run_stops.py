"""A worker that is stopped or killed in the middle of a load, and its successor."""

import os
import signal
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import Sandbox, by_trace, single_events
from tests.e2e.worker_state import DELIVERY_SECONDS, wait_delivered
from tests.support import WorkerProcess, running_worker

#: Number of messages: some seconds of work in small batches, so that the stop is in the middle.
LOAD = 900

#: Small batches, so that most of the load is unprocessed after the first commit.
SMALL_BATCHES = {"BATCH_MAX_ARTICLES": "15"}

#: Maximum number of kills until one is between the publication of events and their commit.
_MAX_KILLS = 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(number: signal.Signals, sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit code 0, and events of committed messages only. The next worker continues without a gap or a repetition."""
    sent = synthetic_messages(LOAD)
    sandbox.produce(sent)
    with running_worker(sandbox.settings(**SMALL_BATCHES), tmp_path / "first.log") as worker:
        wait_until(sandbox.committed, DELIVERY_SECONDS, "the first commit")
        worker.process.send_signal(number)
        assert worker.process.wait(timeout=30) == 0, worker.tail()
    committed = sandbox.committed()[0]
    assert 0 < committed < LOAD, "the signal did not come in the middle"
    before = single_events(sent[:committed], sandbox.events())

    with running_worker(sandbox.settings(), tmp_path / "second.log") as worker:
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    after = single_events(sent, sandbox.events())
    assert [event.content for event in after[:committed]] == [event.content for event in before]


def test_a_kill_loses_no_message(sandbox: Sandbox, tmp_path: Path) -> None:
    """After a kill between events and commit, no event is missing, and repeated events have equal content."""
    sent = synthetic_messages(LOAD)
    sandbox.produce(sent)
    # With static membership a successor does not wait for the end of the killed worker's session.
    settings = sandbox.settings(**SMALL_BATCHES, KAFKA_GROUP_INSTANCE_ID="only")
    redelivered, kills = 0, 0
    while not redelivered and kills < _MAX_KILLS:
        with running_worker(settings, tmp_path / f"{kills}.log") as worker:
            _kill_before_a_commit(sandbox, worker)
        kills += 1
        redelivered = _uncommitted_events(sandbox)
    assert redelivered, f"no kill of {kills} was between events and commit"
    assert sum(sandbox.committed().values()) < LOAD

    with running_worker(settings, tmp_path / "last.log") as worker:
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    groups = by_trace(sandbox.events())
    assert groups.keys() == {message.trace for message in sent}
    assert max(len(events) for events in groups.values()) > 1
    for events in groups.values():
        assert len({event.content for event in events}) == 1


def _uncommitted_events(sandbox: Sandbox) -> int:
    """Return the number of events whose messages are not committed."""
    return sandbox.event_count() - sum(sandbox.committed().values())


def _kill_before_a_commit(sandbox: Sandbox, worker: WorkerProcess) -> None:
    """Freeze the worker repeatedly, and kill it when it has published events that it has not committed."""
    count = sandbox.event_count()

    def is_frozen_before_commit() -> bool:
        assert worker.process.poll() is None, worker.tail()
        if sandbox.event_count() <= count:  # the worker has published nothing yet
            return False
        os.kill(worker.pid, signal.SIGSTOP)
        if _uncommitted_events(sandbox) > 0:
            return True
        os.kill(worker.pid, signal.SIGCONT)
        return False

    wait_until(is_frozen_before_commit, DELIVERY_SECONDS, "a worker between events and commit")
    worker.kill()
