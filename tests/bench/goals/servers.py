"""The Kafka and the Redis of the run, further Redis servers where a measure needs one to itself, and their CPU time."""

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
class Servers:
    """What all measures share. `broker` is None where the broker is no process of ours (a container, or given)."""

    plan: StackPlan
    kafka: StackService
    redis: StackService
    broker: psutil.Process | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """CPU seconds used so far, user and system, at a time of time.monotonic()."""

    at: float
    workers: float
    store: float
    broker: float | None


@contextmanager
def open_servers(plan: StackPlan) -> Iterator[Servers]:
    """Run both, or use those whose addresses are given. Raises StackUnavailable: there is no benchmark without them."""
    with open_kafka(plan) as kafka, open_redis(plan) as store:
        yield Servers(plan=plan, kafka=kafka, redis=store, broker=_listener(kafka.address))


@contextmanager
def fresh_store(plan: StackPlan) -> Iterator[str]:
    """Run one more Redis of the same kind, and give its URL; an embedded one where the other is somebody's own."""
    if plan.external_redis:
        with embedded_valkey() as url:
            yield url
        return
    with open_redis(plan) as service:
        yield service.address


def cpu_times(servers: Servers, workers: list[psutil.Process]) -> CpuTimes:
    """Look at all clocks; the store tells its own."""
    with redis.Redis.from_url(servers.redis.address) as client:
        store = store_seconds(client)
    return CpuTimes(
        at=time.monotonic(),
        workers=sum(_seconds(worker) for worker in workers),
        store=store,
        broker=_seconds(servers.broker) if servers.broker else None,
    )


def cores_between(before: CpuTimes, after: CpuTimes) -> Cores:
    """How many cores each kept busy."""
    passed = after.at - before.at
    seen = before.broker is not None and after.broker is not None
    return Cores(
        worker=(after.workers - before.workers) / passed,
        store=(after.store - before.store) / passed,
        broker=(after.broker - before.broker) / passed if seen else None,  # type: ignore[operator]  # seen says so
    )


def store_seconds(client: redis.Redis) -> float:
    """CPU seconds that a server has used."""
    told = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def _seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _listener(address: str) -> psutil.Process | None:
    """Find the child of ours that listens there."""
    port = int(address.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        if any(
            each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in process.net_connections("tcp")
        ):
            return process
    return None
