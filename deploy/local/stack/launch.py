"""The context managers that callers use: open Kafka, Redis or both; what was started is stopped when they are left."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from deploy.local.stack.compose import compose_stack
from deploy.local.stack.containers import container_kafka, container_redis, pull_images
from deploy.local.stack.external import given_kafka, given_redis
from deploy.local.stack.kafka_jvm import fetch_jars, jvm_kafka
from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.selection import STATE, Plan
from deploy.local.stack.types import Service, Stack, StackKind, StackUnavailable

Opener = Callable[[], AbstractContextManager[Service]]


@contextmanager
def open_stack(plan: Plan) -> Iterator[Stack]:
    """Run Kafka and Redis while the context lasts; neither where the plan comes down to the embedded stack.

    Raises StackUnavailable where a kind was forced, or an address given, and no server answers.
    """
    with ExitStack() as stack:
        if composed := _composed(plan, stack):
            yield composed
            return
        try:
            kafka = stack.enter_context(open_kafka(plan))
        except StackUnavailable as error:
            if StackKind.EMBEDDED not in plan.kinds or plan.given_kafka:
                raise
            yield Stack(kafka=None, redis=None, why=str(error))
            return
        yield Stack(kafka=kafka, redis=stack.enter_context(open_redis(plan)))


def _composed(plan: Plan, stack: ExitStack) -> Stack | None:
    """Open both by compose where containers come first; None where an address is given, or compose is not to be had."""
    if plan.kinds[0] is not StackKind.CONTAINERS or plan.given_kafka or plan.given_redis:
        return None
    try:
        pull_images(plan.say)
        return stack.enter_context(compose_stack(plan.logs, plan.say))
    except StackUnavailable as error:
        plan.say(f"compose failed: {error}")  # the containers may still start one by one
        return None


@contextmanager
def open_kafka(plan: Plan) -> Iterator[Service]:
    """Run a broker of the best kind that starts. Raises StackUnavailable with the reasons where none does."""
    openers: dict[StackKind, Opener] = {
        StackKind.CONTAINERS: lambda: container_kafka(plan.logs, plan.say),
        StackKind.JVM: lambda: jvm_kafka(STATE, plan.logs),
    }
    address = plan.given_kafka
    with given_kafka(address) if address else _first_that_starts(plan, openers, "Kafka", plan.why_no_kafka) as service:
        yield service


@contextmanager
def open_redis(plan: Plan) -> Iterator[Service]:
    """Run a Redis of the best kind that starts; every kind has one. Raises StackUnavailable where none does."""
    openers: dict[StackKind, Opener] = {
        StackKind.CONTAINERS: lambda: container_redis(plan.logs, plan.say),
        StackKind.JVM: lambda: local_redis(StackKind.JVM, plan.logs),
        StackKind.EMBEDDED: lambda: local_redis(StackKind.EMBEDDED, plan.logs),
    }
    address = plan.given_redis
    with given_redis(address) if address else _first_that_starts(plan, openers, "Redis", "") as service:
        yield service


@contextmanager
def _first_that_starts(plan: Plan, openers: dict[StackKind, Opener], what: str, why_none: str) -> Iterator[Service]:
    failures: list[str] = [why_none] if why_none else []
    with ExitStack() as stack:
        for kind in (kind for kind in plan.kinds if kind in openers):
            try:
                service = stack.enter_context(openers[kind]())
            except StackUnavailable as error:
                failures.append(f"{kind}: {error}")
                plan.say(f"{what} from {kind} failed: {error}")
                continue
            yield service
            return
        raise StackUnavailable("; ".join(failures))


def prepare(plan: Plan) -> None:
    """Fetch the jars or images that the plan's first choice needs, so that a test's own time is not spent on it."""
    if plan.given_kafka and plan.given_redis:
        return
    try:
        if plan.kinds[0] is StackKind.CONTAINERS:
            pull_images(plan.say)
        elif plan.kinds[0] is StackKind.JVM and not plan.given_kafka:
            fetch_jars(STATE)
    except StackUnavailable as error:
        plan.say(f"{plan.kinds[0]}: {error}")
