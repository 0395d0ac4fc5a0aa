import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.stack import StackKind, StackUnavailable, child, launch, make_plan, signals_held, wait_until
from deploy.local.stack.selection import Plan
from deploy.local.stack.types import Service, Stack

_TOP = Path(__file__).parents[3]
_SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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


def test_a_kind_that_fails_to_start_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that fails half way is told, undone, and followed by the next kind of the plan."""
    said: list[str] = []
    monkeypatch.setattr("deploy.local.stack.redis_local._START_SECONDS", 5.0)
    plan = _plan(tmp_path, said, StackKind.JVM, StackKind.EMBEDDED)
    answers = iter([Path("/bin/false"), None])
    monkeypatch.setattr("deploy.local.stack.redis_local.server_binary", lambda: next(answers))
    with (
        pytest.raises(StackUnavailable, match=r"(?s)ended while it started.*no valkey-server"),
        launch.open_redis(plan),
    ):
        pass
    assert [line.split(" failed")[0] for line in said] == ["Redis from jvm", "Redis from embedded"]


def test_a_mixed_stack_is_named_by_both_kinds() -> None:
    """The name tells what Kafka runs on and, where it differs, what Redis runs on."""
    kafka = Service(kind=StackKind.JVM, what="Kafka", address="k:1")
    redis = Service(kind=StackKind.GIVEN, what="Redis", address="redis://r:2/0")
    assert Stack(kafka=kafka, redis=redis).name == "jvm+given"


def test_a_child_ends_with_its_context(tmp_path: Path) -> None:
    """Leaving the context ends the child, also when the reason is an exception."""
    with suppress(KeyboardInterrupt), child(_SLEEPER, tmp_path / "log") as process:
        wait_until(lambda: "up" in (tmp_path / "log").read_text(), 20, "the child's first line")
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A child that will not end kindly is killed after its time."""
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    with child([sys.executable, "-c", stubborn], tmp_path / "log", stop_seconds=0.2) as process:
        wait_until(lambda: "up" in (tmp_path / "log").read_text(), 20, "the child's first line")
    assert process.returncode == -signal.SIGKILL


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_parent_leaves_no_child(number: signal.Signals, tmp_path: Path) -> None:
    """A parent that is told to end ends its children first."""
    script = (
        "import sys, signal; from pathlib import Path; from deploy.local.stack import child, ending_on_signals\n"
        f"with ending_on_signals(), child({_SLEEPER!r}, Path({str(tmp_path / 'log')!r})) as process:\n"
        "    print(process.pid, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=_TOP
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _is_alive(pid)
        parent.send_signal(number)
        parent.wait(timeout=20)
    assert not _is_alive(pid)
    assert parent.returncode != 0
