"""Start a real Kafka and a real Redis for the demo, the tests and the benchmarks: the best that this machine can run.

    selection.py      the kinds of servers that this machine can run, and the reasons against the others
    launch.py         context managers that start and stop Kafka, Redis or both
    compose.py        both servers with compose
    containers.py     each server by itself, on a Docker-compatible engine
    kafka_jvm.py      a Kafka broker from its Maven artifacts
    redis_local.py    a Redis or Valkey server of this machine
    external.py       servers that already run
    health_checks.py  whether a server answers
    processes.py      child processes, signals, waiting
    types.py          the types of this package

This package does not know the worker.
"""

from deploy.local.stack.launch import open_kafka, open_redis, open_stack, prepare
from deploy.local.stack.processes import defer_signals, exit_on_signals, free_port, run_child, tail, wait_until
from deploy.local.stack.selection import StackPlan, make_plan
from deploy.local.stack.types import Stack, StackKind, StackService, StackUnavailable

__all__ = [
    "Stack",
    "StackKind",
    "StackPlan",
    "StackService",
    "StackUnavailable",
    "defer_signals",
    "exit_on_signals",
    "free_port",
    "make_plan",
    "open_kafka",
    "open_redis",
    "open_stack",
    "prepare",
    "run_child",
    "tail",
    "wait_until",
]
