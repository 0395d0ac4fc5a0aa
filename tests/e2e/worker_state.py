"""The state of a running worker, as its operator sees it: probes, metrics, and the offsets that it commits."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.stack import wait_until
from tests.e2e.sandbox import Sandbox
from tests.support import WorkerProcess

#: Seconds until a worker process is a ready member of its group, on a busy machine.
READY_SECONDS: Final = 60.0

#: Seconds until the produced messages of a test are delivered.
DELIVERY_SECONDS: Final = 90.0

#: Seconds for a response of a worker's HTTP port, which comes from memory.
_HTTP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerResponse:
    """An HTTP response. The status is 0 if the port is closed."""

    status: int
    body: str = ""


def http_get(worker: WorkerProcess, path: str) -> WorkerResponse:
    """Request a path from the HTTP port of a worker."""
    try:
        with urllib.request.urlopen(f"{worker.http}{path}", timeout=_HTTP_SECONDS) as response:
            return WorkerResponse(status=response.status, body=response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return WorkerResponse(status=error.code, body=error.read().decode())
    except OSError:
        return WorkerResponse(status=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """The metrics of a worker at one time."""

    samples: Sequence[tuple[str, Mapping[str, str], float]]

    def values(self, name: str, label: str) -> dict[str, float]:
        """Return the samples of a metric by the value of a label, without those that are 0."""
        return {labels[label]: value for sample, labels, value in self.samples if sample == name and value}

    def total(self, name: str) -> float:
        """Return the sum of a metric over all labels. Raises LookupError if there is no such metric."""
        values = [value for sample, _, value in self.samples if sample == name]
        if not values:
            raise LookupError(name)
        return sum(values)


def scrape(worker: WorkerProcess) -> Scrape:
    """Return the metrics of a worker."""
    response = http_get(worker, "/metrics")
    assert response.status == 200, worker.tail()
    return Scrape(
        samples=[
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(response.body)
            for sample in family.samples
        ]
    )


def wait_ready(worker: WorkerProcess) -> None:
    """Wait until a worker reports that it is ready. A failure has the end of its log."""
    _wait_while_running(worker, lambda: http_get(worker, "/readyz").status == 200, READY_SECONDS, "a ready worker")


def wait_delivered(sandbox: Sandbox, *workers: WorkerProcess, group_id: str | None = None) -> None:
    """Wait until every message produced so far is committed."""
    ends = {partition: end for partition, end in sandbox.end_offsets(sandbox.topics.articles).items() if end}
    for worker in workers:
        _wait_while_running(
            worker, lambda: sandbox.committed(group_id).items() >= ends.items(), DELIVERY_SECONDS, "all commits"
        )


def wait_counted(sandbox: Sandbox, *workers: WorkerProcess) -> None:
    """Wait until the metrics of all workers of the group count every message, shortly after the last commit."""
    sent = sum(sandbox.end_offsets(sandbox.topics.articles).values())
    wait_until(
        lambda: sum(scrape(worker).total("reprise_articles_total") for worker in workers) >= sent,
        READY_SECONDS,
        "the count of all messages",
    )


def _wait_while_running(
    worker: WorkerProcess, condition: Callable[[], bool], timeout_seconds: float, name: str
) -> None:
    def is_met() -> bool:
        assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
        return condition()

    try:
        wait_until(is_met, timeout_seconds, name)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{worker.tail()}") from error
