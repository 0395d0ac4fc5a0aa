"""Open Kafka and Redis for a run, and read the CPU time of processes and servers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import redis

from deploy.local.stack import StackPlan, StackService, open_kafka, open_redis
from reprise.replay.embedded_valkey import embedded_valkey
from tests.bench.goals.results import Cores


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkServers:
    """The servers of all measurements. `broker` is None if its process is no child: in a container, or external."""

    plan: StackPlan
    kafka: StackService
    redis: StackService
    broker: psutil.Process | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """CPU seconds used so far, user and system, at the time `at` of time.monotonic()."""

    at: float
    workers: float
    store: float
    broker: float | None


@contextmanager
def open_servers(plan: StackPlan) -> Iterator[BenchmarkServers]:
    """Run Kafka and Redis, or use external ones. Raises StackUnavailable."""
    with open_kafka(plan) as kafka, open_redis(plan) as store:
        yield BenchmarkServers(plan=plan, kafka=kafka, redis=store, broker=_find_listener(kafka.address))


@contextmanager
def open_fresh_redis(plan: StackPlan) -> Iterator[str]:
    """Run an additional empty Redis and yield its URL. It is of the plan's kind; embedded if that one is external."""
    if plan.external_redis:
        with embedded_valkey() as url:
            yield url
        return
    with open_redis(plan) as service:
        yield service.address


def read_cpu_times(servers: BenchmarkServers, workers: list[psutil.Process]) -> CpuTimes:
    """Return the CPU times of the workers, Redis and the broker."""
    with redis.Redis.from_url(servers.redis.address) as client:
        store = redis_cpu_seconds(client)
    return CpuTimes(
        at=time.monotonic(),
        workers=sum(_process_cpu_seconds(worker) for worker in workers),
        store=store,
        broker=_process_cpu_seconds(servers.broker) if servers.broker else None,
    )


def busy_cores(before: CpuTimes, after: CpuTimes) -> Cores:
    """Return the cores that each process kept busy between two readings."""
    seconds = after.at - before.at
    has_broker = before.broker is not None and after.broker is not None
    return Cores(
        worker=(after.workers - before.workers) / seconds,
        store=(after.store - before.store) / seconds,
        broker=(after.broker - before.broker) / seconds if has_broker else None,  # type: ignore[operator]  # not None
    )


def redis_cpu_seconds(client: redis.Redis) -> float:
    """Return the CPU seconds that a Redis server has used, from its INFO."""
    info = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def _process_cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _find_listener(address: str) -> psutil.Process | None:
    """Return the child process that listens on the port of `address`."""
    port = int(address.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        connections = process.net_connections("tcp")
        if any(connection.laddr.port == port and connection.status == psutil.CONN_LISTEN for connection in connections):
            return process
    return None
