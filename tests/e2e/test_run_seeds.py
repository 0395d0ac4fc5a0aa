"""The five seed articles in several orders, through Kafka and Redis."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from reprise.bootstrap import open_worker
from reprise.model import CorruptRecord, Message
from reprise.observability.metrics import Metrics
from reprise.observability.observers import CompositeObserver, NullObserver
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from tests.e2e.articles import SEED_STORIES, article_ids_by_story, seed_articles
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox, single_events

#: Orders of the articles. Each article is first and last at least once; 004, of another story, has every position.
ORDERS = (
    (0, 1, 2, 3, 4),
    (4, 3, 2, 1, 0),
    (1, 4, 0, 2, 3),
    (3, 2, 4, 0, 1),
    (2, 0, 3, 4, 1),
    (1, 3, 0, 4, 2),
)


class StopAfter(NullObserver):
    """An observer that requests to stop after a number of delivered messages."""

    def __init__(self, messages: int, stop: StopRequest) -> None:
        self._left = messages
        self._stop = stop

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        self._left -= len(messages)
        if self._left <= 0:
            self._stop.request()


def run_pipeline(sandbox: Sandbox, messages: int) -> None:
    """Run the worker's pipeline in this process until this number of messages is delivered."""
    stop = StopRequest()
    # Batches of one message, so that the index has all earlier articles at each decision.
    settings = load(sandbox.settings(BATCH_MAX_ARTICLES="1"))
    observers = CompositeObserver(StopAfter(messages, stop))
    with open_worker(settings, observers, Metrics(CollectorRegistry()), stop) as (pipeline, _):
        assert pipeline.run()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_the_seeds_are_two_stories_in_any_order(
    order: Sequence[int], with_source: bool, seeds: list[Path], kafka_bootstrap_servers: str, redis_url: str
) -> None:
    """Four reprints of one report are one story, and an article about the same affair is another."""
    pages = seed_articles(seeds, with_source=with_source)
    sent = [InputMessage(value=pages[number], key=b"%d" % number) for number in order]
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        sandbox.produce(sent)
        run_pipeline(sandbox, len(sent))
        assert article_ids_by_story(event.body for event in single_events(sent, sandbox.events())) == SEED_STORIES
        assert sandbox.committed() == {0: len(sent)}
