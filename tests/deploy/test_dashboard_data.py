"""The dashboard's queries, asked of a real Prometheus that scraped a real worker while it worked."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import redis

from deploy.helm.chart_settings import CHART
from tests.deploy.dashboard import Query, any_of, filled, queries, variables
from tests.deploy.prometheus import Prometheus, running_prometheus
from tests.e2e.support_e2e import Raw, load_messages, open_place, wait_counted, wait_delivered, wait_ready
from tests.support import running_worker, wait_until

#: Seconds for Prometheus to have seen what just happened: some scrapes and evaluations of a second each.
SEEN_SECONDS = 30.0

#: Messages: some seconds of work, so that there are some scrapes in the middle of it.
LOAD = 1500

#: Every twentieth is no article: enough for the alert of dead letters, too few for the circuit.
BAD_EVERY = 20

#: Messages that are sent a second time.
REPRINTS = 100

PARTITIONS = 2

#: Bytes that Redis may use while the worker is watched, so that there is a share of it.
MAXMEMORY = 2**30

#: What Grafana works out from the time range and the scrape interval; here of a second.
RATE_INTERVAL = "10s"

#: Kubernetes' label, and a worker of it; the same worker is scraped without a namespace too.
NAMESPACE, POD = "news", "reprise-0"

RULES = CHART / "files" / "rules.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A Prometheus that has seen a worker from before its first article, at `start`, until after its last, at `end`."""

    prometheus: Prometheus
    group_id: str
    start: float
    end: float

    def choose(self, namespace: str | None) -> Mapping[str, str]:
        """Return the variables' values, each of them "All", once the Kubernetes namespace is chosen."""
        values = {"__rate_interval": RATE_INTERVAL}
        for each in variables():
            found = self.prometheus.label_values(each.label, filled(each.series, values))
            assert found, each.name
            values[each.name] = each.all_value or any_of(found)
            if each.name == "namespace" and namespace is not None:
                assert namespace in found
                values["namespace"] = any_of([namespace])
        return values


def load() -> list[Raw]:
    """Return articles, reprints of them, dead letters and a tombstone."""
    sent = load_messages(LOAD, partitions=PARTITIONS)
    for number in range(0, LOAD, BAD_EVERY):
        sent[number] = Raw(value=b"no JSON", partition=number % PARTITIONS)
    again = [Raw(value=each.value, key=each.key, partition=each.partition) for each in sent[:REPRINTS]]
    return [*sent, *again, Raw(value=None, key=b"gone")]


@pytest.fixture(scope="module")
def limited_redis(redis_url: str) -> Iterator[str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", MAXMEMORY)
        yield redis_url
        client.config_set("maxmemory", before)


@pytest.fixture(scope="module")
def watched(
    kafka_bootstrap_servers: str, limited_redis: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with open_place(kafka_bootstrap_servers, limited_redis) as place, ExitStack() as running:
        place.create_topics(PARTITIONS)
        settings = place.settings(BATCH_MAX_ARTICLES="50")
        worker = running.enter_context(running_worker(settings, folder / "worker.log"))
        wait_ready(worker)
        port = worker.http.removeprefix("http://")
        targets = [
            {"targets": [port], "labels": {"instance": POD, "namespace": NAMESPACE}},
            {"targets": [port], "labels": {"instance": "no pod"}},
        ]
        prometheus = running.enter_context(running_prometheus(targets, RULES, folder))
        # a counter's first sample is no increase: it must be there before the first article
        wait_until(lambda: prometheus.now("up") == [1.0] * len(targets), SEEN_SECONDS, "the first scrapes")
        start = time.time()
        place.send(load())
        wait_delivered(place, worker)
        wait_counted(place, worker)
        dead = 'ALERTS{alertname="RepriseDeadLetters"}'
        wait_until(lambda: len(prometheus.now(dead)) == len(targets), SEEN_SECONDS, "the alert of dead letters")
        yield Watched(prometheus=prometheus, group_id=place.topics.group_id, start=start, end=time.time())


@pytest.mark.parametrize("namespace", [None, NAMESPACE])
def test_the_variables_choose_workers(watched: Watched, namespace: str | None) -> None:
    """All workers, with and without Kubernetes; in one of its namespaces those of that alone."""
    values = watched.choose(namespace)
    workers = watched.prometheus.over(
        filled('reprise_worker_info{instance=~"$instance"}', values), watched.start, watched.end
    )
    expected = {POD, "no pod"} if namespace is None else {POD}
    assert {each["instance"] for each in workers} == expected
    assert {each["group_id"] for each in workers} == {watched.group_id}


@pytest.mark.parametrize("namespace", [None, NAMESPACE])
@pytest.mark.parametrize("query", queries(), ids=str)
def test_each_query_returns_data(watched: Watched, query: Query, namespace: str | None) -> None:
    """A number while the worker worked, and labels for all that the legend names."""
    expr = filled(query.expr, watched.choose(namespace))
    if query.instant:
        found = watched.prometheus.at(expr, watched.end)
    else:
        found = watched.prometheus.over(expr, watched.start, watched.end)
    assert found, expr
    named = re.findall(r"\{\{(\w+)\}\}", query.legend)
    for labels in found:
        assert labels.keys() >= set(named), expr


def test_the_top_row_says_that_all_is_well(watched: Watched) -> None:
    """After its work the worker is not behind, all answers it, and no alert fires."""
    values = watched.choose(NAMESPACE)
    exprs = {query.panel: filled(query.expr, values) for query in queries()}
    # the last scrape may be of the moment before the last commit
    wait_until(lambda: watched.prometheus.now(exprs["Lag (stat)"]) == [0], SEEN_SECONDS, "a scrape after the work")
    shown = {panel: watched.prometheus.now(expr) for panel, expr in exprs.items()}
    assert shown["Time to catch up (stat)"] == [0]
    assert shown["Kafka and Redis (stat)"] == [1, 1]
    assert shown["Workers (stat)"] == [1]
    assert shown["Alerts (stat)"] == [0]
    assert 0 < shown["Redis memory (stat)"][0] < 1


def test_each_rule_is_healthy(watched: Watched) -> None:
    """Prometheus has evaluated every rule that is due, and none of them failed."""
    groups = watched.prometheus.ask("rules")["groups"]
    told = {rule["name"]: rule["health"] for group in groups if group["interval"] == 1 for rule in group["rules"]}
    assert len(told) > 10
    assert set(told.values()) == {"ok"}, told


def test_the_table_names_the_alert(watched: Watched) -> None:
    """Dead letters over their share are an alert that is pending; nothing else is wrong with this worker."""
    pending = watched.prometheus.at("ALERTS", watched.end)
    assert {(each["alertname"], each["alertstate"]) for each in pending} == {("RepriseDeadLetters", "pending")}
