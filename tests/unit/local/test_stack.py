import signal
import time
from pathlib import Path

import pytest

from deploy.local.stack import StackKind, StackUnavailable, launch, make_plan, signals_held, wait_until
from deploy.local.stack.selection import Plan
from deploy.local.stack.types import Service, Stack


def _plan(tmp_path: Path, said: list[str], *kinds: StackKind) -> Plan:
    return Plan(kinds=kinds, problems={}, given_kafka=None, given_redis=None, logs=tmp_path, say=said.append)


def test_an_unknown_kind_is_refused_with_the_choices() -> None:
    """STACK with a word that is no kind is an error that lists the kinds, never a silent default."""
    with pytest.raises(StackUnavailable, match="STACK=docker is none of containers, jvm, embedded"):
        make_plan(lambda _: None, {"STACK": "docker"})


def test_the_embedded_stack_can_be_forced_everywhere() -> None:
    """STACK=embedded is the whole plan, whatever else the machine could run."""
    assert make_plan(lambda _: None, {"STACK": "embedded"}).kinds == (StackKind.EMBEDDED,)


def test_given_addresses_are_part_of_the_plan() -> None:
    """Addresses in the environment are taken as they are and named before anything starts."""
    environment = {"STACK": "embedded", "REPRISE_KAFKA_BOOTSTRAP_SERVERS": "k:1", "REPRISE_REDIS_URL": "redis://r:2/0"}
    plan = make_plan(lambda _: None, environment)
    assert (plan.given_kafka, plan.given_redis) == ("k:1", "redis://r:2/0")
    assert "REPRISE_KAFKA_BOOTSTRAP_SERVERS" in str(plan)


def test_an_embedded_plan_opens_no_server_and_says_why(tmp_path: Path) -> None:
    """With nothing but the embedded kind there is neither Kafka nor Redis, and the stack's line tells the reason."""
    with launch.open_stack(_plan(tmp_path, [], StackKind.EMBEDDED)) as stack:
        assert (stack.kafka, stack.redis, stack.name) == (None, None, "embedded")
        assert "has no Kafka" in str(stack)


def test_a_mixed_stack_is_named_by_both_kinds() -> None:
    """The name tells what Kafka runs on and, where it differs, what Redis runs on."""
    kafka = Service(kind=StackKind.JVM, what="Kafka", address="k:1")
    redis = Service(kind=StackKind.GIVEN, what="Redis", address="redis://r:2/0")
    assert Stack(kafka=kafka, redis=redis).name == "jvm+given"


def test_a_signal_waits_until_it_may_come() -> None:
    """A Ctrl-C within signals_held arrives when the context ends, not in its middle and not never."""
    seen = []
    try:
        with signals_held():
            signal.raise_signal(signal.SIGINT)
            seen.append("the middle")
    except KeyboardInterrupt:
        seen.append("the signal")
    assert seen == ["the middle", "the signal"]


def test_waiting_names_what_did_not_come() -> None:
    """A condition that stays false ends the wait at its deadline, with the name of what was waited for."""
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"the answer: not within 0\.1 s"):
        wait_until(lambda: None, 0.1, "the answer")
    assert time.monotonic() - started < 5
