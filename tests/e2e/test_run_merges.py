"""Merges of stories through Kafka and Redis, in both kinds of delivery."""

from pathlib import Path

import pytest

from tests.e2e.articles import merging_articles
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox, single_events
from tests.e2e.worker_state import scrape, wait_delivered, wait_ready
from tests.support import running_worker


def check_merge(sandbox: Sandbox, sent: list[InputMessage], bridge: InputMessage) -> None:
    """Check the one merge, and that the article which shows it and the copy of the younger story name the older one."""
    by_id = {event.body["article"]["id"]: event for event in single_events(sent, sandbox.events())}
    old, young = by_id["old-0"].body["story_id"], by_id["young-0"].body["story_id"]
    assert [by_id[name].body["story_id"] for name in ("bridge", "copy")] == [old, old]
    (merge,) = sandbox.merges()
    assert (merge.body["story_id"], merge.body["into"], merge.trace) == (young, old, bridge.trace)
    assert merge.body["article"] == by_id["bridge"].body["article"]
    assert merge.body["decided_at"] == by_id["bridge"].body["decided_at"]
    assert merge.body["support"]["sources"] == 4


@pytest.mark.timeout(180)
@pytest.mark.parametrize("delivery", ["at_least_once", "transactional"])
def test_a_merge_is_published_once_and_repeated_by_a_replay(
    delivery: str, kafka_bootstrap_servers: str, redis_url: str, tmp_path: Path
) -> None:
    """Later events name the older story. A message that is read again repeats its merge with the same bytes."""
    sent = [InputMessage(value=value, key=b"k") for value in merging_articles()]
    bridge = sent[-2]
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        settings = sandbox.settings(DELIVERY=delivery)
        with running_worker(settings, tmp_path / "worker.log") as worker:
            wait_ready(worker)
            sandbox.produce(sent)
            wait_delivered(sandbox, worker)
            check_merge(sandbox, sent, bridge)
            assert scrape(worker).total("reprise_merges_total") == 1
            sandbox.produce([bridge])
            wait_delivered(sandbox, worker)
            first, again = sandbox.merges()
            assert first.content == again.content
            assert scrape(worker).total("reprise_merges_total") == 1
            assert worker.stop() == 0, worker.tail()
