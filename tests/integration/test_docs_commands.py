"""Run every shell command of README.md and docs/start, in the order of the page, against the local stack.

Fenced blocks of the language `bash` hold commands. Blocks of other languages hold output and files.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack import Stack
from tests.support import TopicNames, free_port, reprise_command, worker_environment
from tests.unit.replay.test_files import PAGE, PROSE, URL, write_warc

TOP: Final = Path(__file__).parents[2]
PAGES: Final = (TOP / "README.md", *sorted((TOP / "docs" / "start").glob("*.md")))

#: Commands that take minutes or need an engine, and the run that covers each.
EXCEPTIONS: Final = {
    "make demo": "a step of continuous integration",
    "make test": "a step of continuous integration",
    "pip install .": "part of the image build",
    "make image": "tests/deploy/test_image.py",
    "kcat -b localhost:9092 -t crawl -C -o -1000 -e > messages.jsonl": "the test writes the file",
    "docker compose -f deploy/compose/compose.yaml --profile grafana up --build -d": "tests/deploy/test_compose.py",
}

#: Seconds for all commands of a page; the slowest waits 20 s for events.
_PAGE_SECONDS: Final = 180.0


def commands(page: Path) -> Iterator[str]:
    """Yield the commands of a page; a command that is continued on the next line is one."""
    for block in re.findall(r"^```bash\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        yield from re.split(r"(?<!\\)\n", block.strip())


def is_exception(command: str) -> bool:
    return command.partition("#")[0].strip() in EXCEPTIONS


def test_every_exception_is_a_command_of_a_page() -> None:
    """An exception that no page needs any more is removed."""
    found = {command.partition("#")[0].strip() for page in PAGES for command in commands(page)}
    assert found >= EXCEPTIONS.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_succeed(page: Path, stack: Stack, topic_names: TopicNames, tmp_path: Path) -> None:
    """They run as one script in an empty folder; the defaults of servers, topics and ports are replaced."""
    lines = [command for command in commands(page) if not is_exception(command)]
    assert stack.kafka is not None
    assert stack.redis is not None
    port = str(free_port())
    replaced = {
        "localhost:9092": stack.kafka.address,
        "redis://localhost:6379/0": stack.redis.address,
        "localhost:9464": f"localhost:{port}",
        "articles.raw": topic_names.articles,
        "stories.new": topic_names.new,
        "stories.variants": topic_names.variants,
        "stories.merged": topic_names.merged,
    }
    script = "\n".join(lines)
    for default, actual in replaced.items():
        script = script.replace(default, actual)
    settings = {
        **topic_names.environment(),
        "REPRISE_NAMESPACE": topic_names.group_id,
        "REPRISE_HTTP_PORT": port,
        "REPRISE_LOG_LEVEL": "warning",
    }
    environment = worker_environment(settings)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    (tmp_path / "messages.jsonl").write_bytes((TOP / "worker" / "reprise" / "sample" / "crawl.jsonl").read_bytes())
    _write_files(tmp_path)
    (tmp_path / "worker").symlink_to(TOP / "worker")  # the README names a file of the checkout
    output = run(script, tmp_path, environment)
    assert output.returncode == 0, output.stdout


def _write_files(folder: Path) -> None:
    """Write the files that docs/start/files.md names."""
    write_warc(folder / "crawl.warc.gz")
    (folder / "dump.csv").write_text(f'id,url,text\n1,{URL},"{PROSE}"\n')
    (folder / "articles.csv").write_text(f'headline,body,link\nBridge closed,"{PROSE}",{URL}\n')
    (folder / "pages").mkdir()
    (folder / "pages" / "bridge.html").write_text(PAGE)


def test_the_readme_shows_a_real_message_and_its_real_event(tmp_path: Path) -> None:
    """Up to what it abbreviates by "...", and the time of the decision."""
    text = (TOP / "README.md").read_text("utf-8")
    message, event = (
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    )
    sample, output = TOP / "worker" / "reprise" / "sample" / "crawl.jsonl", tmp_path / "events.jsonl"
    subprocess.run(
        [*reprise_command(), "replay", sample, "--output", output], env=worker_environment({}), check=True, timeout=60
    )
    messages = map(json.loads, sample.read_text("utf-8").splitlines())
    events = map(json.loads, output.read_text("utf-8").splitlines())
    original = next(each for each in messages if each.get("id") == message["id"])
    assert message.pop("html").strip(". ") in original["html"]
    assert message.items() <= original.items()
    published = next(each for each in events if each["event_id"] == event["event_id"])
    article = event.pop("article")
    article.pop("...")
    event.pop("decided_at")
    assert article.items() <= published["article"].items()
    assert event.items() <= published.items()


def run(script: str, folder: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a script of bash that stops at the first error, and end every process that it leaves."""
    process = subprocess.Popen(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=_PAGE_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(script, process.returncode, output)
