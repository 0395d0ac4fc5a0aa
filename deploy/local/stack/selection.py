"""Select the kinds of servers that this machine can run, best first, with the reasons against the others."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack.containers import find_engine_problem
from deploy.local.stack.external import KAFKA_VARIABLE, REDIS_VARIABLE
from deploy.local.stack.kafka_jvm import find_jvm_problem
from deploy.local.stack.types import StackKind, StackUnavailable

#: directory of jars, logs and the addresses of a running stack; git ignores it, `make clean` removes it
STATE_DIRECTORY: Final = Path(__file__).resolve().parents[3] / ".stack"

#: number of log directories that are kept, the newest ones
_KEPT_LOGS: Final = 10

_SELECTABLE: Final = (StackKind.CONTAINERS, StackKind.JVM, StackKind.EMBEDDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """The kinds of servers to try, in order.

    problems        the reason against each kind that was left out
    external_kafka  address of a Kafka that already runs
    external_redis  URL of a Redis that already runs
    logs            log directory of this run
    report          prints a line about the progress
    """

    kinds: tuple[StackKind, ...]
    problems: Mapping[StackKind, str]
    external_kafka: str | None
    external_redis: str | None
    logs: Path
    report: Callable[[str], None]

    @property
    def no_kafka_reason(self) -> str:
        """The reason why the embedded stack has no Kafka."""
        if not self.problems:
            return "STACK=embedded has no Kafka"
        return "; ".join(f"{kind}: {problem}" for kind, problem in self.problems.items())

    def __str__(self) -> str:
        """Describe the first kind in one line, before a server is started."""
        addresses = {KAFKA_VARIABLE: self.external_kafka, REDIS_VARIABLE: self.external_redis}
        external = [name for name, address in addresses.items() if address]
        problems = "; ".join(f"no {kind}: {problem}" for kind, problem in self.problems.items())
        return f"{' + '.join([self.kinds[0], *external])}{f' ({problems})' if problems else ''}"


def make_plan(report: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> StackPlan:
    """Return the plan for this machine and the variable `STACK`.

    Raises StackUnavailable if this machine cannot run the kind that `STACK` forces.
    """
    forced = environment.get("STACK", "").strip()
    if forced and forced not in _SELECTABLE:
        raise StackUnavailable(f"STACK={forced} is none of {', '.join(_SELECTABLE)}")
    kinds, problems = _select_forced(StackKind(forced)) if forced else _select_available()
    return StackPlan(
        kinds=kinds,
        problems=problems,
        external_kafka=environment.get(KAFKA_VARIABLE) or None,
        external_redis=environment.get(REDIS_VARIABLE) or None,
        logs=_new_log_directory(),
        report=report,
    )


def _select_forced(kind: StackKind) -> tuple[tuple[StackKind, ...], dict[StackKind, str]]:
    if problem := _find_problem(kind):
        raise StackUnavailable(f"STACK={kind} is not possible: {problem}")
    return (kind,), {}


def _select_available() -> tuple[tuple[StackKind, ...], dict[StackKind, str]]:
    checked = {kind: _find_problem(kind) for kind in _SELECTABLE}
    kinds = tuple(kind for kind, problem in checked.items() if problem is None)
    return kinds, {kind: problem for kind, problem in checked.items() if problem is not None}


def _find_problem(kind: StackKind) -> str | None:
    match kind:
        case StackKind.CONTAINERS:
            return find_engine_problem()
        case StackKind.JVM:
            return find_jvm_problem()
        case _:
            return None


def _new_log_directory() -> Path:
    """Return the path of a log directory for this run, and remove old ones. The first log creates the directory."""
    runs = STATE_DIRECTORY / "logs"
    for old in sorted(runs.iterdir())[:-_KEPT_LOGS] if runs.is_dir() else []:
        shutil.rmtree(old, ignore_errors=True)
    return runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
