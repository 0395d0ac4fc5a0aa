"""Test the demo: input, reading events, the view and the summary."""

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.crawl import load_sample
from deploy.local.demo.event_reader import FileEventReader
from deploy.local.demo.summary import compare_stories, summarize
from deploy.local.demo.view import open_view


def _event(number: int, story: str, **more: Any) -> dict[str, Any]:
    article = {
        "id": str(number),
        "url": f"https://a.example/{number}",
        "source": "a.example",
        "title": f"Title {number}",
    }
    type_ = "story.variant" if "kind" in more else "story.new"
    return {"type": type_, "story_id": story, "article": {**article, "published_at": None}, **more}


@pytest.mark.parametrize(
    ("found", "identical", "precision", "recall"),
    [
        ({"a": "1", "b": "1", "c": "2"}, 2, 1.0, 1.0),
        ({"a": "1", "b": "1", "c": "1"}, 0, 5 / 9, 1.0),
        ({"a": "1", "b": "2", "c": "3"}, 1, 1.0, 2 / 3),
        ({"a": "1", "c": "2"}, 2, 1.0, 1.0),
        ({}, 0, 0.0, 0.0),
    ],
)
def test_stories_are_compared_page_by_page(
    found: dict[str, str], identical: int, precision: float, recall: float
) -> None:
    """Joined stories lower the B-cubed precision, split stories the recall. Pages without a story do not count."""
    result = compare_stories({"a": "x", "b": "x", "c": "y"}, found)
    assert result.identical == identical
    assert result.precision == pytest.approx(precision)
    assert result.recall == pytest.approx(recall)


def test_the_whole_sample_is_sent() -> None:
    """Each page and each malformed message is sent once, a page with a key."""
    sample = load_sample()
    messages = list(sample.messages())
    assert len(messages) == len(sample)
    assert sorted(value for _, value in messages) == sorted(sample.pages + sample.malformed)
    assert all(key for key, value in messages if value in sample.pages)


def test_only_complete_lines_of_a_growing_file_are_read(tmp_path: Path) -> None:
    """An incomplete line is read once its rest is written, and no line is counted twice."""
    path, counters = tmp_path / "events.jsonl", OutcomeCounters(sample_keys=())
    reader = FileEventReader(path, articles=2)
    first, second = (
        orjson.dumps(_event(1, "s")) + b"\n",
        orjson.dumps(_event(2, "s", kind="near", similarity=0.5)) + b"\n",
    )
    path.write_bytes(first + second[:20])
    reader.read(counters, 0)
    assert (counters.stories, counters.variants.total()) == (1, 0)
    path.write_bytes(first + second)
    reader.read(counters, 0)
    reader.read(counters, 0)
    assert (counters.stories, dict(counters.variants), counters.articles_in) == (1, {"near": 1}, 2)


@pytest.mark.parametrize("terminal", [False, True], ids=["lines", "screen"])
def test_the_view_shows_the_decisions(terminal: bool) -> None:
    """Both views show the kind, the similarity, the title and the step."""
    output = io.StringIO()
    counters = OutcomeCounters(sample_keys=())
    counters.add_event(_event(1, "s"))
    counters.add_event(_event(2, "s", kind="near", similarity=0.5))
    counters.add_dead_letter("not_json", "[bold]no markup")
    console = Console(file=output, force_terminal=terminal, width=120, height=40)
    with open_view(console, "a heading") as view:
        view.show_progress(counters, show_rows=True)
        view.show_step("a step")
    shown = output.getvalue()
    for expected in ("new story", "near", "0.50", "Title 2", "not_json: [bold]no markup", "a step"):
        assert expected in shown, expected


def test_the_summary_has_all_counts() -> None:
    """It has articles, stories, variants by kind, dead letters by reason and the comparison with the labels."""
    counters = OutcomeCounters(sample_keys={"https://a.example/1", "https://a.example/2"}, articles_in=3)
    counters.add_event(_event(1, "s"))
    counters.add_event(_event(2, "t", kind="near", similarity=0.5))
    counters.add_event({**_event(2, "t"), "type": "story.merged", "into": "s"})
    counters.add_dead_letter("not_json", "")
    lines = summarize(counters, {"https://a.example/1": "x", "https://a.example/2": "x"}, "jvm", None)
    assert lines[:7] == [
        "stack         jvm",
        "articles      3",
        "stories       1",
        "variants      1 (1 near)",
        "merges        1 stories merged into an older one",
        "dead letters  1 (1 not_json)",
        "throughput    not measured, because the time limit was reached",
    ]
    assert lines[7].endswith("2 pages of 1 labelled stories: 1 found, 1 exactly as labelled")
