"""Which kinds of stack this machine can run, best first, and why not the others."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack.containers import engine_problem
from deploy.local.stack.external import KAFKA_VARIABLE, REDIS_VARIABLE
from deploy.local.stack.kafka_jvm import jvm_problem
from deploy.local.stack.types import StackKind, StackUnavailable

#: Jars, logs and the addresses of a stack that is up; ignored by git, removed by `make clean`.
STATE: Final = Path(__file__).resolve().parents[3] / ".stack"

#: Folders of logs that are kept, the newest.
_KEPT_RUNS: Final = 10

_CHOICES: Final = (StackKind.CONTAINERS, StackKind.JVM, StackKind.EMBEDDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be tried: `kinds` in order, with what is wrong with those left out; `logs` is this run's own folder."""

    kinds: tuple[StackKind, ...]
    problems: Mapping[StackKind, str]
    given_kafka: str | None
    given_redis: str | None
    logs: Path
    say: Callable[[str], None]

    @property
    def why_no_kafka(self) -> str:
        """Say why there is no Kafka where the plan ends with the embedded stack."""
        if not self.problems:
            return "STACK=embedded has no Kafka"
        return "; ".join(f"{kind}: {problem}" for kind, problem in self.problems.items())

    def __str__(self) -> str:
        """Name the first choice in one line, before anything is started."""
        given = [
            name for name, value in ((KAFKA_VARIABLE, self.given_kafka), (REDIS_VARIABLE, self.given_redis)) if value
        ]
        reasons = "; ".join(f"no {kind}: {problem}" for kind, problem in self.problems.items())
        return f"{self.kinds[0]}{' + ' + ', '.join(given) if given else ''}{f' ({reasons})' if reasons else ''}"


def make_plan(say: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> Plan:
    """Look at the machine and at `STACK`. Raises StackUnavailable where the kind that STACK forces cannot be had."""
    forced = environment.get("STACK", "").strip()
    if forced and forced not in _CHOICES:
        raise StackUnavailable(f"STACK={forced} is none of {', '.join(_CHOICES)}")
    kinds, problems = _forced(StackKind(forced)) if forced else _best_first()
    return Plan(
        kinds=kinds,
        problems=problems,
        given_kafka=environment.get(KAFKA_VARIABLE) or None,
        given_redis=environment.get(REDIS_VARIABLE) or None,
        logs=_new_logs(),
        say=say,
    )


def _forced(kind: StackKind) -> tuple[tuple[StackKind, ...], dict[StackKind, str]]:
    if problem := _problem_of(kind):
        raise StackUnavailable(f"STACK={kind} cannot be had: {problem}")
    return (kind,), {}


def _best_first() -> tuple[tuple[StackKind, ...], dict[StackKind, str]]:
    found = {kind: _problem_of(kind) for kind in _CHOICES}
    kinds = tuple(kind for kind, problem in found.items() if problem is None)
    return kinds, {kind: problem for kind, problem in found.items() if problem is not None}


def _problem_of(kind: StackKind) -> str | None:
    match kind:
        case StackKind.CONTAINERS:
            return engine_problem()
        case StackKind.JVM:
            return jvm_problem()
        case _:
            return None


def _new_logs() -> Path:
    """Return a folder for this run's logs, made when something is written; old ones go."""
    runs = STATE / "logs"
    for old in sorted(runs.iterdir())[:-_KEPT_RUNS] if runs.is_dir() else []:
        shutil.rmtree(old, ignore_errors=True)
    return runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
