"""The five real pages through Kafka and Redis, whatever comes first."""

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
from tests.e2e.support_e2e import SEED_STORIES, Place, Raw, one_each, open_place, seed_articles, stories

#: Each page is the first and the last at least once; 004, which is of another story, stands at every place.
ORDERS = (
    (0, 1, 2, 3, 4),
    (4, 3, 2, 1, 0),
    (1, 4, 0, 2, 3),
    (3, 2, 4, 0, 1),
    (2, 0, 3, 4, 1),
    (1, 3, 0, 4, 2),
)


class StopAfter(NullObserver):
    """Asks to stop when so many messages are delivered."""

    def __init__(self, messages: int, stop: StopRequest) -> None:
        self._left = messages
        self._stop = stop

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        self._left -= len(messages)
        if self._left <= 0:
            self._stop.request()


def deliver(place: Place, messages: int) -> None:
    """Run the worker's own pipeline, in this process, until so many messages are delivered."""
    stop = StopRequest()
    # one message a batch: each page must find the ones before it in Redis
    settings = load(place.settings(BATCH_MAX_ARTICLES="1"))
    observers = CompositeObserver(StopAfter(messages, stop))
    with open_worker(settings, observers, Metrics(CollectorRegistry()), stop) as (pipeline, _):
        assert pipeline.run()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_the_seeds_are_two_stories_in_any_order(
    order: Sequence[int], with_source: bool, seeds: list[Path], kafka_bootstrap_servers: str, redis_url: str
) -> None:
    """Four cuts of one report are one story, and the article about the same affair is another."""
    pages = seed_articles(seeds, with_source=with_source)
    sent = [Raw(value=pages[number], key=b"%d" % number) for number in order]
    with open_place(kafka_bootstrap_servers, redis_url) as place:
        place.create_topics()
        place.send(sent)
        deliver(place, len(sent))
        assert stories(event.body for event in one_each(sent, place.events())) == SEED_STORIES
        assert place.committed() == {0: len(sent)}
