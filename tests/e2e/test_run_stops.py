"""A worker that is stopped, kindly or not, in the middle of a load, and the one that comes after it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.support_e2e import (
    DELIVERY_SECONDS,
    Place,
    by_trace,
    load_messages,
    one_each,
    open_place,
    wait_delivered,
)
from tests.support import WorkerProcess, running_worker

#: Messages of a load: some seconds of work in small batches, so that there is a middle to stop in.
LOAD = 900

#: Small batches, so that most of the load is still to come after the first commit.
SMALL = {"BATCH_MAX_ARTICLES": "15"}

#: Kills that a redelivery is waited for: a kill between events and commit causes one.
_MOST_KILLS = 5


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics()
        yield found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(number: signal.Signals, place: Place, tmp_path: Path) -> None:
    """Exit code 0, events for what is committed and for nothing else; the next worker goes on without gap or repeat."""
    sent = load_messages(LOAD)
    place.send(sent)
    with running_worker(place.settings(**SMALL), tmp_path / "first.log") as worker:
        wait_until(place.committed, DELIVERY_SECONDS, "the first commit")
        worker.process.send_signal(number)
        assert worker.process.wait(timeout=30) == 0, worker.tail()
    committed = place.committed()[0]
    assert 0 < committed < LOAD, "the signal did not come in the middle"
    before = one_each(sent[:committed], place.events())

    with running_worker(place.settings(), tmp_path / "second.log") as worker:
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    after = one_each(sent, place.events())
    assert [event.content for event in after[:committed]] == [event.content for event in before]


def test_a_kill_loses_nothing(place: Place, tmp_path: Path) -> None:
    """Killed between events and commit, it leaves no gap; what its successor tells again it tells in the same words."""
    sent = load_messages(LOAD)
    place.send(sent)
    # the name of a static member: its successor need not wait for the session of the dead one to end
    settings = place.settings(**SMALL, KAFKA_GROUP_INSTANCE_ID="only")
    redelivered, kills = 0, 0
    while not redelivered and kills < _MOST_KILLS:
        with running_worker(settings, tmp_path / f"{kills}.log") as worker:
            _kill_before_a_commit(place, worker)
        kills += 1
        redelivered = _uncommitted(place)
    assert redelivered, f"no kill of {kills} fell between events and commit"
    assert sum(place.committed().values()) < LOAD

    with running_worker(settings, tmp_path / "last.log") as worker:
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    found = by_trace(place.events())
    assert found.keys() == {message.trace for message in sent}
    assert max(len(events) for events in found.values()) > 1
    for events in found.values():
        assert len({event.content for event in events}) == 1


def _uncommitted(place: Place) -> int:
    """How many events are out whose messages are not committed."""
    return place.written() - sum(place.committed().values())


def _kill_before_a_commit(place: Place, worker: WorkerProcess) -> None:
    """Hold the worker again and again, and kill it at a moment when events are out that it has not committed."""
    started_at = place.written()

    def held_between() -> bool:
        assert worker.process.poll() is None, worker.tail()
        if place.written() <= started_at:  # still starting
            return False
        os.kill(worker.pid, signal.SIGSTOP)
        if _uncommitted(place) > 0:
            return True
        os.kill(worker.pid, signal.SIGCONT)
        return False

    wait_until(held_between, DELIVERY_SECONDS, "a moment between events and commit")
    worker.kill()
