"""The demo without Kafka: the same pipeline by `reprise replay`, from files, each time on an embedded store."""

import os
import tempfile
import time
from pathlib import Path

from rich.console import Console

from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.crawl import DemoLoad, SampleCrawl, sample_path
from deploy.local.demo.event_reader import FileEventReader
from deploy.local.demo.reprise_cli import reprise, run_to_end
from deploy.local.demo.session import DemoSession
from deploy.local.demo.view import DemoView, open_view
from deploy.local.stack import run_child


def run_on_files(
    sample: SampleCrawl, load: DemoLoad, tally: OutcomeCounters, console: Console, logs: Path, deadline: float
) -> float | None:
    """Replay the sample, then a stream; return its articles a second, None where time ended it before.

    Raises DemoFailed.
    """
    logs.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="reprise-demo-") as name,
        open_view(console, "stack: embedded, without Kafka: `reprise replay`") as view,
    ):
        view.say(f"replaying the sample: {len(sample.pages)} pages and {len(sample.broken)} broken messages")
        log = logs / "sample.log"
        inputs = [sample_path("crawl.jsonl"), sample_path("broken.jsonl")]
        if not _replay(inputs, len(sample), tally, view, log, deadline, rows=True):
            return None
        tally.dead[f"told of in {log.name}"] = len(sample) - tally.outcomes  # a replay writes events alone
        stream = Path(name) / "stream.jsonl"
        view.say(f"generating {load.articles:,} articles")
        run_to_end(
            reprise("generate", *load.stream_arguments(), "--output", str(stream)), _settings(), logs / "generate.log"
        )
        view.say(f"replaying them, as fast as it goes; more in {logs}")
        began = time.monotonic()
        done = _replay([stream], load.articles, tally, view, logs / "stream.log", deadline, rows=False)
        return load.articles / (time.monotonic() - began) if done else None


def _replay(
    inputs: list[Path], articles: int, tally: OutcomeCounters, view: DemoView, log: Path, deadline: float, *, rows: bool
) -> bool:
    """Replay files to their end and tell whether there was time for it."""
    events = log.with_suffix(".events.jsonl")
    arguments = reprise("replay", *(str(path) for path in inputs), "--output", str(events))
    with run_child(arguments, log, environment=_settings()) as replay:
        listener = FileEventReader(events, tally.articles_in + articles)
        pace = DemoSession(listener=listener, tally=tally, view=view, worker=replay, log=log, deadline=deadline)
        done = pace.until(lambda: replay.poll() is not None, rows=rows)
        pace.step(rows=rows)  # what came between the last look and the end
    return done


def _settings() -> dict[str, str]:
    """Return the environment without the worker's settings: they may be meant for another run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REPRISE_")}
