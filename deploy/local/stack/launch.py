"""Start Kafka, Redis or both as context managers. Leaving the context stops the servers that it started."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from deploy.local.stack.compose import compose_stack
from deploy.local.stack.containers import container_kafka, container_redis, pull_images
from deploy.local.stack.external import external_kafka, external_redis
from deploy.local.stack.kafka_jvm import fetch_jars, jvm_kafka
from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.selection import STATE_DIRECTORY, StackPlan
from deploy.local.stack.types import Stack, StackKind, StackService, StackUnavailable

Opener = Callable[[], AbstractContextManager[StackService]]


@contextmanager
def open_stack(plan: StackPlan) -> Iterator[Stack]:
    """Run Kafka and Redis during the context, or no server if the plan falls back to the embedded stack.

    Raises StackUnavailable if a forced kind does not start or an external server does not answer.
    """
    with ExitStack() as stack:
        if composed := _open_with_compose(plan, stack):
            yield composed
            return
        try:
            kafka = stack.enter_context(open_kafka(plan))
        except StackUnavailable as error:
            if StackKind.EMBEDDED not in plan.kinds or plan.external_kafka:
                raise
            yield Stack(kafka=None, redis=None, reason=str(error))
            return
        yield Stack(kafka=kafka, redis=stack.enter_context(open_redis(plan)))


def _open_with_compose(plan: StackPlan, stack: ExitStack) -> Stack | None:
    """Start both servers with compose, if containers come first and no server is external. Return None on failure."""
    if plan.kinds[0] is not StackKind.CONTAINERS or plan.external_kafka or plan.external_redis:
        return None
    try:
        pull_images(plan.report)
        return stack.enter_context(compose_stack(plan.logs, plan.report))
    except StackUnavailable as error:
        plan.report(f"compose failed: {error}")  # the containers may still start one by one
        return None


@contextmanager
def open_kafka(plan: StackPlan) -> Iterator[StackService]:
    """Run a broker of the first kind that starts. Raises StackUnavailable with the reasons if none starts."""
    openers: dict[StackKind, Opener] = {
        StackKind.CONTAINERS: lambda: container_kafka(plan.logs, plan.report),
        StackKind.JVM: lambda: jvm_kafka(STATE_DIRECTORY, plan.logs),
    }
    if plan.external_kafka:
        opened = external_kafka(plan.external_kafka)
    else:
        opened = _open_first_available(plan, openers, "Kafka", plan.no_kafka_reason)
    with opened as service:
        yield service


@contextmanager
def open_redis(plan: StackPlan) -> Iterator[StackService]:
    """Run a Redis of the first kind that starts. Every kind has one. Raises StackUnavailable if none starts."""
    openers: dict[StackKind, Opener] = {
        StackKind.CONTAINERS: lambda: container_redis(plan.logs, plan.report),
        StackKind.JVM: lambda: local_redis(StackKind.JVM, plan.logs),
        StackKind.EMBEDDED: lambda: local_redis(StackKind.EMBEDDED, plan.logs),
    }
    if plan.external_redis:
        opened = external_redis(plan.external_redis)
    else:
        opened = _open_first_available(plan, openers, "Redis", "")
    with opened as service:
        yield service


@contextmanager
def _open_first_available(
    plan: StackPlan, openers: dict[StackKind, Opener], product: str, reason: str
) -> Iterator[StackService]:
    """Run the first kind that starts. `reason` precedes the errors of the others if none starts."""
    errors: list[str] = [reason] if reason else []
    with ExitStack() as stack:
        for kind in (kind for kind in plan.kinds if kind in openers):
            try:
                service = stack.enter_context(openers[kind]())
            except StackUnavailable as error:
                errors.append(f"{kind}: {error}")
                plan.report(f"{product} with {kind} failed: {error}")
                continue
            yield service
            return
        raise StackUnavailable("; ".join(errors))


def prepare(plan: StackPlan) -> None:
    """Download the jars or images of the plan's first kind, so that the start of a test does not include it.

    An error is reported only: a later start may use another kind.
    """
    if plan.external_kafka and plan.external_redis:
        return
    try:
        if plan.kinds[0] is StackKind.CONTAINERS:
            pull_images(plan.report)
        elif plan.kinds[0] is StackKind.JVM and not plan.external_kafka:
            fetch_jars(STATE_DIRECTORY)
    except StackUnavailable as error:
        plan.report(f"{plan.kinds[0]}: {error}")
