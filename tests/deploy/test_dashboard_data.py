"""The dashboard's queries on a real Prometheus that scraped a real worker under load."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import redis

from deploy.helm.alert_rules import PLAIN_RULES
from tests.deploy.dashboard import Query, alternatives, queries, substitute, variables
from tests.deploy.prometheus import Prometheus, running_prometheus
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import InputMessage, open_sandbox
from tests.e2e.worker_state import wait_counted, wait_delivered, wait_ready
from tests.support import running_worker, wait_until

#: Seconds for a few scrapes and evaluations, at an interval of one second.
SCRAPED_SECONDS = 30.0

#: Number of messages: some seconds of work, for several scrapes meanwhile.
LOAD = 1500

#: One in so many messages is malformed: enough for RepriseDeadLetters, too few for the circuit breaker.
MALFORMED_EVERY = 20

#: One in so many messages is a page of a site that shows one notice in place of its articles.
NOTICE_EVERY = 15
NOTICE = "Please accept our cookies to read on. You can change your choice in the settings of your account at any time."

#: Number of messages that are sent twice.
REPEATED = 100

PARTITIONS = 2

#: Scrapes of the lag before the queries: deriv() needs two, and its steps are not aligned with the scrapes.
SAMPLES = 4

#: maxmemory of Redis during the test, in bytes, so that the used share is defined.
MAXMEMORY = 2**30

#: Grafana derives $__rate_interval from the time range and the scrape interval, which is one second here.
RATE_INTERVAL = "10s"

#: Labels of the worker in Kubernetes. It is scraped a second time, without a namespace.
NAMESPACE, POD = "news", "reprise-0"

RULES = PLAIN_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapedWorker:
    """A Prometheus that scraped a worker from before its first article, at `start`, to after its last, at `end`."""

    prometheus: Prometheus
    group_id: str
    start: float
    end: float

    def variable_values(self, namespace: str | None) -> Mapping[str, str]:
        """Return the values of the variables for a Kubernetes namespace, or for all; every other variable is All."""
        values = {"__rate_interval": RATE_INTERVAL}
        for each in variables():
            found = self.prometheus.label_values(each.label, substitute(each.series, values))
            assert found, each.name
            values[each.name] = each.all_value or alternatives(found)
            if each.name == "namespace" and namespace is not None:
                assert namespace in found
                values["namespace"] = alternatives([namespace])
        return values


def load() -> list[InputMessage]:
    """Return articles, malformed messages, notices in place of articles, repeated messages and a tombstone."""
    sent = synthetic_messages(LOAD, partitions=PARTITIONS)
    for number in range(0, LOAD, MALFORMED_EVERY):
        sent[number] = InputMessage(value=b"no JSON", partition=number % PARTITIONS)
    for number in range(1, LOAD, NOTICE_EVERY):
        address = f"https://walled.example/report-{number}"
        page = {"id": address, "url": address, "title": f"Report {number}", "text": NOTICE}
        sent[number] = InputMessage(value=json.dumps(page).encode(), partition=number % PARTITIONS)
    again = [InputMessage(value=each.value, key=each.key, partition=each.partition) for each in sent[:REPEATED]]
    return [*sent, *again, InputMessage(value=None, key=b"gone")]


@pytest.fixture(scope="module")
def limited_redis(redis_url: str) -> Iterator[str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", MAXMEMORY)
        yield redis_url
        client.config_set("maxmemory", before)


@pytest.fixture(scope="module")
def scraped(
    kafka_bootstrap_servers: str, limited_redis: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScrapedWorker]:
    folder = tmp_path_factory.mktemp("scraped")
    with open_sandbox(kafka_bootstrap_servers, limited_redis, PARTITIONS) as sandbox, ExitStack() as running:
        settings = sandbox.settings(BATCH_MAX_ARTICLES="50")
        worker = running.enter_context(running_worker(settings, folder / "worker.log"))
        wait_ready(worker)
        port = worker.http.removeprefix("http://")
        targets = [
            {"targets": [port], "labels": {"instance": POD, "namespace": NAMESPACE}},
            {"targets": [port], "labels": {"instance": "no pod"}},
        ]
        prometheus = running.enter_context(running_prometheus(targets, RULES, folder))
        # rate() ignores the first sample of a counter, so it must precede the first article.
        wait_until(lambda: prometheus.now("up") == [1.0] * len(targets), SCRAPED_SECONDS, "the first scrapes")
        start = time.time()
        sandbox.produce(load())
        wait_delivered(sandbox, worker)
        wait_counted(sandbox, worker)
        dead = 'ALERTS{alertname="RepriseDeadLetters"}'
        wait_until(lambda: len(prometheus.now(dead)) == len(targets), SCRAPED_SECONDS, "the alert of dead letters")
        # rate() and deriv() need two samples; the load may be processed between two scrapes.
        samples = f"count_over_time(reprise_consumer_lag[60s]) >= {SAMPLES}"
        wait_until(
            lambda: len(prometheus.now(samples)) == len(targets) * PARTITIONS, SCRAPED_SECONDS, "samples of the lag"
        )
        yield ScrapedWorker(prometheus=prometheus, group_id=sandbox.topics.group_id, start=start, end=time.time())


@pytest.mark.parametrize("namespace", [None, NAMESPACE])
def test_the_variables_select_workers(scraped: ScrapedWorker, namespace: str | None) -> None:
    """All selects workers with and without Kubernetes; a namespace selects only its own."""
    values = scraped.variable_values(namespace)
    workers = scraped.prometheus.over(
        substitute('reprise_worker_info{instance=~"$instance"}', values), scraped.start, scraped.end
    )
    expected = {POD, "no pod"} if namespace is None else {POD}
    assert {each["instance"] for each in workers} == expected
    assert {each["group_id"] for each in workers} == {scraped.group_id}


@pytest.mark.parametrize("namespace", [None, NAMESPACE])
@pytest.mark.parametrize("query", queries(), ids=str)
def test_each_query_returns_data(scraped: ScrapedWorker, query: Query, namespace: str | None) -> None:
    """Each has a finite value while the worker works, and the labels that its legend uses."""
    expr = substitute(query.expr, scraped.variable_values(namespace))
    if query.instant:
        found = scraped.prometheus.at(expr, scraped.end)
    else:
        found = scraped.prometheus.over(expr, scraped.start, scraped.end)
    assert found, expr
    named = re.findall(r"\{\{(\w+)\}\}", query.legend)
    for labels in found:
        assert labels.keys() >= set(named), expr


def test_the_top_row_shows_a_healthy_worker(scraped: ScrapedWorker) -> None:
    """After the load there is no lag, both dependencies are up, and no alert fires."""
    values = scraped.variable_values(NAMESPACE)
    exprs = {query.panel: substitute(query.expr, values) for query in queries()}
    # The last scrape may precede the last commit.
    wait_until(lambda: scraped.prometheus.now(exprs["Lag (stat)"]) == [0], SCRAPED_SECONDS, "a scrape after the work")
    shown = {panel: scraped.prometheus.now(expr) for panel, expr in exprs.items()}
    assert shown["Time to catch up (stat)"] == [0]
    assert shown["Kafka and Redis (stat)"] == [1, 1]
    assert shown["Workers (stat)"] == [1]
    assert shown["Alerts (stat)"] == [0]
    assert 0 < shown["Redis memory (stat)"][0] < 1


def test_each_rule_is_healthy(scraped: ScrapedWorker) -> None:
    """Prometheus has evaluated every rule without an error."""
    groups = scraped.prometheus.request("rules")["groups"]
    health = {rule["name"]: rule["health"] for group in groups if group["interval"] == 1 for rule in group["rules"]}
    assert len(health) > 10
    assert set(health.values()) == {"ok"}, health


def test_the_table_lists_the_pending_alerts(scraped: ScrapedWorker) -> None:
    """The dead letters and the pages without an article exceed their thresholds; no other alert is pending."""
    pending = scraped.prometheus.at("ALERTS", scraped.end)
    assert {(each["alertname"], each["alertstate"]) for each in pending} == {
        ("RepriseDeadLetters", "pending"),
        ("RepriseSourceWithoutArticles", "pending"),
    }
