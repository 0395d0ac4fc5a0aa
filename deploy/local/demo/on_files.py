"""Run the demo without Kafka: `reprise replay` runs the same pipeline on files, with an embedded store."""

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
    sample: SampleCrawl, load: DemoLoad, counters: OutcomeCounters, console: Console, logs: Path, deadline: float
) -> float | None:
    """Replay the sample, then generated articles. Return their throughput in articles per second.

    Returns None if the deadline passes before the end of a replay. Raises DemoFailed.
    """
    logs.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="reprise-demo-") as directory,
        open_view(console, "stack: embedded, `reprise replay` without Kafka") as view,
    ):
        view.show_step(
            f"replaying the sample crawl: {len(sample.pages)} pages and {len(sample.malformed)} malformed messages"
        )
        log = logs / "sample.log"
        inputs = [sample_path("crawl.jsonl"), sample_path("broken.jsonl")]
        if not _replay(inputs, len(sample), counters, view, log, deadline, show_rows=True):
            return None
        # A replay writes events only. It logs each dead letter.
        counters.dead_letters[f"logged in {log.name}"] = len(sample) - counters.outcomes
        generated = Path(directory) / "generated.jsonl"
        view.show_step(f"generating {load.articles:,} articles")
        generate = reprise("generate", *load.generate_options(), "--output", str(generated))
        run_to_end(generate, _environment(), logs / "generate.log")
        view.show_step(f"replaying the generated articles at full speed; logs and events are in {logs}")
        start = time.monotonic()
        log = logs / "generated.log"
        is_complete = _replay([generated], load.articles, counters, view, log, deadline, show_rows=False)
        return load.articles / (time.monotonic() - start) if is_complete else None


def _replay(
    inputs: list[Path],
    articles: int,
    counters: OutcomeCounters,
    view: DemoView,
    log: Path,
    deadline: float,
    *,
    show_rows: bool,
) -> bool:
    """Replay files. Return False if the deadline passes before the end."""
    events = log.with_suffix(".events.jsonl")
    arguments = reprise("replay", *(str(path) for path in inputs), "--output", str(events))
    with run_child(arguments, log, environment=_environment()) as replay:
        reader = FileEventReader(events, counters.articles_in + articles)
        session = DemoSession(reader=reader, counters=counters, view=view, worker=replay, log=log, deadline=deadline)
        is_complete = session.poll_until(lambda: replay.poll() is not None, show_rows=show_rows)
        session.poll(show_rows=show_rows)  # reads the events between the last poll and the end
    return is_complete


def _environment() -> dict[str, str]:
    """Return the environment without the settings of Reprise, which may be meant for another run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REPRISE_")}
