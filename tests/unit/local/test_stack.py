import signal
import time
from pathlib import Path

import pytest

from deploy.local.stack import StackKind, StackUnavailable, defer_signals, launch, make_plan, wait_until
from deploy.local.stack.selection import StackPlan
from deploy.local.stack.types import Stack, StackService


def _plan(tmp_path: Path, reported: list[str], *kinds: StackKind) -> StackPlan:
    return StackPlan(
        kinds=kinds, problems={}, external_kafka=None, external_redis=None, logs=tmp_path, report=reported.append
    )


def test_an_unknown_kind_is_an_error_that_lists_the_kinds() -> None:
    """An unknown value of STACK is an error, not a silent default."""
    with pytest.raises(StackUnavailable, match="STACK=docker is none of containers, jvm, embedded"):
        make_plan(lambda _: None, {"STACK": "docker"})


def test_the_embedded_stack_can_be_forced_on_every_machine() -> None:
    """With STACK=embedded the plan has no other kind, even if the machine can run one."""
    assert make_plan(lambda _: None, {"STACK": "embedded"}).kinds == (StackKind.EMBEDDED,)


def test_external_addresses_are_part_of_the_plan() -> None:
    """The plan uses the addresses of the environment, and its description names their variables."""
    environment = {"STACK": "embedded", "REPRISE_KAFKA_BOOTSTRAP_SERVERS": "k:1", "REPRISE_REDIS_URL": "redis://r:2/0"}
    plan = make_plan(lambda _: None, environment)
    assert (plan.external_kafka, plan.external_redis) == ("k:1", "redis://r:2/0")
    assert "REPRISE_KAFKA_BOOTSTRAP_SERVERS" in str(plan)


def test_an_embedded_plan_starts_no_server(tmp_path: Path) -> None:
    """With only the embedded kind there is no Kafka and no Redis, and the description has the reason."""
    with launch.open_stack(_plan(tmp_path, [], StackKind.EMBEDDED)) as stack:
        assert (stack.kafka, stack.redis, stack.name) == (None, None, "embedded")
        assert "has no Kafka" in str(stack)


def test_the_name_of_a_mixed_stack_has_both_kinds() -> None:
    """The name has the kind of Kafka and, if it differs, the kind of Redis."""
    kafka = StackService(kind=StackKind.JVM, product="Kafka", address="k:1")
    redis = StackService(kind=StackKind.EXTERNAL, product="Redis", address="redis://r:2/0")
    assert Stack(kafka=kafka, redis=redis).name == "jvm+external"


def test_a_deferred_signal_arrives_at_the_end_of_the_context() -> None:
    """A Ctrl-C within defer_signals is raised at the end of the context, and not lost."""
    events = []
    try:
        with defer_signals():
            signal.raise_signal(signal.SIGINT)
            events.append("context")
    except KeyboardInterrupt:
        events.append("signal")
    assert events == ["context", "signal"]


def test_a_timeout_names_the_condition() -> None:
    """If the condition stays false, the wait ends at its deadline with the description in the error."""
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"timed out after 0\.1 s: the answer"):
        wait_until(lambda: None, 0.1, "the answer")
    assert time.monotonic() - started < 5
