"""A real Kafka and a real Redis for the demo, the tests and the benchmarks: the best that this machine has.

May live here: choosing, starting and stopping servers. May not: anything that knows what the worker does with them.

    compose.py      both servers by compose           containers.py   each by itself, on a Docker-compatible engine
    kafka_jvm.py    a broker from its Maven artifacts
    redis_local.py  a server of this machine          given.py        servers that run already
    choice.py       which of them, and why not        opening.py      the context managers that callers use
    processes.py    children, signals, waiting        service.py      the nouns
"""

from deploy.local.stack.launch import open_kafka, open_redis, open_stack, prepare
from deploy.local.stack.processes import child, ending_on_signals, free_port, signals_held, tail, wait_until
from deploy.local.stack.selection import Plan, make_plan
from deploy.local.stack.types import Service, Stack, StackKind, StackUnavailable

__all__ = [
    "Plan",
    "Service",
    "Stack",
    "StackKind",
    "StackUnavailable",
    "child",
    "ending_on_signals",
    "free_port",
    "make_plan",
    "open_kafka",
    "open_redis",
    "open_stack",
    "prepare",
    "signals_held",
    "tail",
    "wait_until",
]
