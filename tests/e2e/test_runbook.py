"""Every `reprise` command of the operating pages, run as an operator types it, against a real worker's topics."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox
from tests.e2e.worker_state import wait_delivered, wait_ready
from tests.support import reprise_command, running_worker, worker_environment

_FOLDER: Final = Path(__file__).parents[2] / "docs" / "operating"

#: Pages for an operator of running workers. Those of load tests write to topics.
_PAGES: Final = ("runbook.md", "recovery.md", "monitoring.md", "redis-cluster.md")

#: Commands that run a worker or read files of their own; other tests run them.
_ELSEWHERE: Final = ("reprise run", "reprise topics", "reprise replay", "reprise generate")

ARTICLE: Final = article_json(id="a", text="The harbour bridge stays open after its inspection, the mayor said. " * 5)
OTHER: Final = article_json(id="b", text="Bakers in the old town raise the price of bread, for the third time. " * 5)

#: Seconds for one command.
_COMMAND_SECONDS: Final = 60.0


def commands() -> list[str]:
    """Return the commands: lines of code blocks, after `kubectl exec ... --` as well, and code within a line."""
    found: dict[str, None] = {}
    for page in _PAGES:
        text = (_FOLDER / page).read_text("utf-8")
        for match in re.finditer(r"(?:^ *|`|-- )(reprise [a-z][^`#|\n]*)", text, re.MULTILINE):
            found[match[1].strip()] = None
    return [command for command in found if not command.startswith(_ELSEWHERE)]


@pytest.fixture(scope="module")
def sandbox(
    kafka_bootstrap_servers: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """Yield a sandbox whose worker has decided two articles and rejected three messages."""
    with open_sandbox(kafka_bootstrap_servers, redis_url, 1) as sandbox:
        values = [ARTICLE, OTHER, b"{", b"[1]", b"{}"]
        sandbox.produce([InputMessage(value=value, key=b"key-%d" % number) for number, value in enumerate(values)])
        log = tmp_path_factory.mktemp("worker") / "worker.log"
        with running_worker(sandbox.settings(), log) as worker:
            wait_ready(worker)
            wait_delivered(sandbox, worker)
            assert worker.stop() == 0, worker.tail()
        yield sandbox


def test_the_pages_have_commands() -> None:
    """The patterns find the commands that an operator needs."""
    assert {command.split()[1] for command in commands()} >= {"stats", "story", "dead", "explain"}


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_operating_pages_succeeds(command: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Positions, ids and files of examples are replaced by existing ones; nothing else is changed."""
    story = sandbox.events()[0].body["story_id"]
    examples = {
        r"articles\.dead-\d+@\d+": f"{sandbox.topics.dead}-0@{_pending_letter(sandbox)}",
        r"articles\.raw-\d+@\d+": f"{sandbox.topics.articles}-0@2",
        r"\bID\b": str(story),
    }
    for pattern, actual in examples.items():
        command = re.sub(pattern, actual, command)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(ARTICLE)
    done = _run(command, sandbox, tmp_path)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert done.stdout or "redriven: " in done.stderr or "dead letters: 0" in done.stderr


def _run(command: str, sandbox: Sandbox, folder: Path) -> "subprocess.CompletedProcess[str]":
    program, *arguments = command.split()
    assert program == "reprise"
    return subprocess.run(
        [*reprise_command(), *arguments],
        cwd=folder,
        env=worker_environment(sandbox.settings()),
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


def _pending_letter(sandbox: Sandbox) -> int:
    """Return the offset of a dead letter that was not redriven; each redrive of an example needs another one."""
    redriven = {
        int(value)
        for letter in sandbox.read(sandbox.topics.dead)
        for name, value in letter.headers
        if name == "reprise-dead-redriven"
    }
    letters = [letter.offset for letter in sandbox.read(sandbox.topics.dead) if letter.value is not None]
    return next(offset for offset in reversed(letters) if offset not in redriven)
