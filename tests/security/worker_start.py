"""Helpers of the security tests: the rights that docs/operating/security.md lists, and workers that fail to start."""

import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from kafka.admin import ACLOperation, ResourceType

from tests.security.secured_kafka import Right
from tests.support import REPOSITORY, TopicNames, reprise_command, worker_environment

_DOCUMENT: Final = REPOSITORY / "docs" / "operating" / "security.md"

#: Seconds until a refused worker has exited: seven for one alone, fifty for ten at once on two busy cores.
EXIT_SECONDS: Final = 180.0

#: Workers that run at the same time; they mostly wait for a broker.
_CONCURRENCY: Final = 12


def kafka_rights(topics: TopicNames, principal: str = "reprise") -> list[Right]:
    """Return the rights that the document grants a principal, with the names of a test instead of the defaults."""
    names = {
        "articles.raw": topics.articles,
        "stories.new": topics.new,
        "stories.variants": topics.variants,
        "stories.merged": topics.merged,
        "articles.dead": topics.dead,
        "reprise": topics.group_id,
        "reprise-": f"{topics.group_id}-",
        "reprise-redrive-articles.dead": f"reprise-redrive-{topics.dead}",
    }
    line = (
        rf"^kafka-acls\.sh .*:{principal} --operation (\w+) --(topic|group|transactional-id) (\S+)"
        "( --resource-pattern-type prefixed)?$"
    )
    return [
        Right(
            kind=ResourceType[kind.upper().replace("-", "_")],
            name=names[name],
            operation=ACLOperation[operation.upper()],
            prefixed=bool(prefixed),
        )
        for operation, kind, name, prefixed in re.findall(line, _DOCUMENT.read_text(), re.MULTILINE)
    ]


def redis_rights() -> list[str]:
    """Return the commands that the document grants, each with its plus sign."""
    text = _DOCUMENT.read_text()
    lines: list[str] = re.findall(r"^ACL SETUSER reprise on >PASSWORD ~\{default\}:\* (.*)$", text, re.MULTILINE)
    (line,) = lines
    return line.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitedWorker:
    """A worker that has exited. `error_lines` is its standard error; `output` is standard output and error together."""

    exit_code: int
    error_lines: list[str]
    output: str


def run_until_exit(settings: Mapping[str, str], *arguments: str) -> ExitedWorker:
    """Run a worker that fails to start, until it exits."""
    process = subprocess.run(
        [*reprise_command(), "run", *arguments],
        env=worker_environment({"REPRISE_HTTP_PORT": "0", **settings}),
        capture_output=True,
        text=True,
        timeout=EXIT_SECONDS,
        check=False,
    )
    return ExitedWorker(
        exit_code=process.returncode,
        error_lines=process.stderr.splitlines(),
        output=process.stdout + process.stderr,
    )


def run_all_until_exit(cases: Mapping[str, Mapping[str, str]], *arguments: str) -> dict[str, ExitedWorker]:
    """Run many such workers at once; return the results by the keys of the cases."""
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        return dict(
            zip(cases, pool.map(lambda settings: run_until_exit(settings, *arguments), cases.values()), strict=True)
        )
