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
    return {"story_id": story, "article": {**article, "published_at": None}, **more}


@pytest.mark.parametrize(
    ("found", "alike", "precision", "recall"),
    [
        ({"a": "1", "b": "1", "c": "2"}, 2, 1.0, 1.0),
        ({"a": "1", "b": "1", "c": "1"}, 0, 5 / 9, 1.0),
        ({"a": "1", "b": "2", "c": "3"}, 1, 1.0, 2 / 3),
        ({"a": "1", "c": "2"}, 2, 1.0, 1.0),
        ({}, 0, 0.0, 0.0),
    ],
)
def test_stories_are_compared_page_by_page(found: dict[str, str], alike: int, precision: float, recall: float) -> None:
    """B-cubed falls in precision where stories are glued, in recall where one is split, over the pages seen."""
    result = compare_stories({"a": "x", "b": "x", "c": "y"}, found)
    assert result.alike == alike
    assert result.precision == pytest.approx(precision)
    assert result.recall == pytest.approx(recall)


def test_the_sample_is_sent_whole() -> None:
    """Every page and every broken message is sent once, a page under a key."""
    sample = load_sample()
    messages = list(sample.messages())
    assert len(messages) == len(sample)
    assert sorted(value for _, value in messages) == sorted(sample.pages + sample.broken)
    assert all(key for key, value in messages if value in sample.pages)


def test_a_growing_file_is_read_by_whole_lines(tmp_path: Path) -> None:
    """A line that is half written is left until the rest of it is there, and none is counted twice."""
    path, tally = tmp_path / "events.jsonl", OutcomeCounters(watched=())
    listener = FileEventReader(path, articles=2)
    first, second = (
        orjson.dumps(_event(1, "s")) + b"\n",
        orjson.dumps(_event(2, "s", kind="near", similarity=0.5)) + b"\n",
    )
    path.write_bytes(first + second[:20])
    listener.listen(tally, 0)
    assert (tally.stories, tally.kinds.total()) == (1, 0)
    path.write_bytes(first + second)
    listener.listen(tally, 0)
    listener.listen(tally, 0)
    assert (tally.stories, dict(tally.kinds), tally.articles_in) == (1, {"near": 1}, 2)


@pytest.mark.parametrize("terminal", [False, True], ids=["lines", "screen"])
def test_the_view_shows_what_was_decided(terminal: bool) -> None:
    """Kind, similarity, title and the counts are seen on a terminal and without one."""
    output = io.StringIO()
    tally = OutcomeCounters(watched=())
    tally.add_event(_event(1, "s"))
    tally.add_event(_event(2, "s", kind="near", similarity=0.5))
    tally.add_dead("not_json", "[bold]no markup")
    console = Console(file=output, force_terminal=terminal, width=120, height=40)
    with open_view(console, "a heading") as view:
        view.show(tally, rows=True)
        view.say("a step")
    shown = output.getvalue()
    for expected in ("new story", "near", "0.50", "Title 2", "not_json: [bold]no markup", "a step"):
        assert expected in shown, expected


def test_the_summary_counts_everything() -> None:
    """Articles, stories, variants by kind, dead letters by reason and the comparison are all there."""
    tally = OutcomeCounters(watched={"https://a.example/1", "https://a.example/2"}, articles_in=3)
    tally.add_event(_event(1, "s"))
    tally.add_event(_event(2, "s", kind="near", similarity=0.5))
    tally.add_dead("not_json", "")
    lines = summarize(tally, {"https://a.example/1": "x", "https://a.example/2": "x"}, "jvm", None)
    assert lines[:6] == [
        "stack         jvm",
        "articles      3",
        "stories       1",
        "variants      1 (1 near)",
        "dead letters  1 (1 not_json)",
        "throughput    not reached",
    ]
    assert lines[6].endswith("2 pages of 1 labelled stories: 1 found, 1 exactly as labelled")
