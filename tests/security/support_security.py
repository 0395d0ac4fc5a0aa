"""What the tests of security share: rights as docs/operating/security.md states them, and workers that must not start.

Turned    what a worker left behind that was turned away at the start
turned_away, all_turned_away    one such worker; many at once
"""

import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kafka.admin import ACLOperation, ResourceType

from tests.security.secured_kafka import Right
from tests.support import TopicNames, reprise_command, worker_environment

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "operating" / "security.md"

#: Seconds for a worker to be turned away: seven alone, fifty beside nine others on two cores that are busy anyway.
TURNED_AWAY_SECONDS: Final = 180.0

#: Workers at once: most of their time they wait for a broker.
_AT_ONCE: Final = 12


def kafka_rights(topics: TopicNames, principal: str = "reprise") -> list[Right]:
    """Return the rights that the document grants a principal, with a test's own names for the default ones."""
    ours = {
        "articles.raw": topics.articles,
        "stories.new": topics.new,
        "stories.variants": topics.variants,
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
            name=ours[name],
            operation=ACLOperation[operation.upper()],
            prefixed=bool(prefixed),
        )
        for operation, kind, name, prefixed in re.findall(line, _DOCUMENT.read_text(), re.MULTILINE)
    ]


def redis_rights() -> list[str]:
    """Return the commands that the document grants, each with its plus."""
    text = _DOCUMENT.read_text()
    (line,) = re.findall(r"^ACL SETUSER reprise on >PASSWORD ~\{default\}:\* (.*)$", text, re.MULTILINE)
    return line.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A worker that has ended. `told` is its standard error, line by line, `wrote` all that it wrote."""

    code: int
    told: list[str]
    wrote: str


def turned_away(settings: Mapping[str, str], *arguments: str) -> Turned:
    """Run a worker that cannot start, until it ends."""
    done = subprocess.run(
        [*reprise_command(), "run", *arguments],
        env=worker_environment({"REPRISE_HTTP_PORT": "0", **settings}),
        capture_output=True,
        text=True,
        timeout=TURNED_AWAY_SECONDS,
        check=False,
    )
    return Turned(code=done.returncode, told=done.stderr.splitlines(), wrote=done.stdout + done.stderr)


def all_turned_away(cases: Mapping[str, Mapping[str, str]], *arguments: str) -> dict[str, Turned]:
    """Run many of them at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(
            zip(cases, pool.map(lambda settings: turned_away(settings, *arguments), cases.values()), strict=True)
        )
