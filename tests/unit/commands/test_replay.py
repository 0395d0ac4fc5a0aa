"""The progress lines of `reprise replay`."""

import io
from dataclasses import replace

import pytest

from reprise.commands.replay import MAX_PRINTED_DEAD_LETTERS, ReplayProgress
from reprise.commands.support.progress import ProgressDisplay
from reprise.model import DeadLetterReason, Decision, Dependency, EventType, Kind, Message, Rejection, StoryMerge, Trace
from tests.fake_clock import FakeClock

MESSAGE = Message(topic="crawl.jsonl", partition=0, offset=7, key=None, value=b"{")
REJECTION = Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected end")


def decision(kind: Kind | None = None, *, replayed: bool = False) -> Decision:
    type_ = EventType.VARIANT if kind else EventType.NEW
    return Decision(type=type_, story_id="s", decided_at_ms=0, kind=kind, trace=Trace(replayed=replayed))


def test_the_summary_counts_outcomes_kinds_and_reasons() -> None:
    """A replayed decision counts neither as a new story nor as a variant."""
    clock, stream = FakeClock(10.0), io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream, clock), clock)
    progress.decided([decision(), decision(Kind.NEAR), decision(Kind.NEAR), decision(Kind.EXACT, replayed=True)], 0, 0)
    progress.dead_lettered(MESSAGE, REJECTION)
    progress.delivered([MESSAGE] * 5)
    clock.now = 12.0
    progress.print_summary()
    assert stream.getvalue().splitlines() == [
        "reprise: crawl.jsonl:7: not_json: unexpected end",
        "reprise: 5 messages: 1 new, 2 variants, 1 replayed, 1 dead in 2.0 s (2 a second); "
        "variants: 2 near; dead letters: 1 not_json",
    ]


def test_the_summary_counts_merges() -> None:
    """A merge that a replayed decision repeats is not counted; without merges the summary does not name them."""
    stream = io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream))
    merge = StoryMerge(story_id="a", into="s", sources=3, representatives=3)
    progress.decided([replace(decision(Kind.NEAR), merges=(merge, merge))], 0, 0)
    progress.decided([replace(decision(Kind.NEAR, replayed=True), merges=(merge,))], 0, 0)
    progress.delivered([MESSAGE] * 2)
    assert progress.status() == "2 messages: 0 new, 1 variants, 1 replayed, 2 merges, 0 dead"


def test_the_summary_counts_pages_without_an_article() -> None:
    """They are printed like dead letters, but they are no errors: a file of them alone is no file in another format."""
    stream = io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream))
    notice = Rejection(reason=DeadLetterReason.NO_ARTICLE, detail="a notice", source="a.example")
    progress.decided([replace(decision(), is_article=False)], 0, 0)
    progress.dead_lettered(MESSAGE, notice)
    progress.delivered([MESSAGE])
    assert progress.status() == "1 messages: 0 new, 0 variants, 1 no article, 0 dead"
    assert not progress.is_all_dead
    assert stream.getvalue() == "reprise: crawl.jsonl:7: no_article: a notice\n"


def test_dead_letters_beyond_the_maximum_are_only_counted() -> None:
    """A file in another format prints a bounded number of lines."""
    stream = io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream))
    for _ in range(MAX_PRINTED_DEAD_LETTERS + 50):
        progress.dead_lettered(MESSAGE, REJECTION)
    *lines, last = stream.getvalue().splitlines()
    assert len(lines) == MAX_PRINTED_DEAD_LETTERS
    assert last == "reprise: further dead letters are only counted"
    assert f"{MAX_PRINTED_DEAD_LETTERS + 50} dead" in progress.status()


def test_an_outage_is_printed() -> None:
    """The start and the end of an outage are a line each."""
    stream = io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream))
    progress.unreachable(Dependency.REDIS, "connection refused")
    progress.reachable(Dependency.REDIS)
    assert stream.getvalue().splitlines() == [
        "reprise: redis is unreachable; retrying",
        "reprise: redis is reachable again",
    ]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (DeadLetterReason.NOT_JSON, "each line must hold one JSON object"),
        (DeadLetterReason.NOT_AN_OBJECT, "each line must hold one JSON object"),
        (DeadLetterReason.NO_TEXT, "reprise input check"),
    ],
)
def test_a_file_in_another_format_ends_with_advice(reason: DeadLetterReason, advice: str) -> None:
    """The line says what to do, and is printed only if nothing was decided."""
    stream = io.StringIO()
    progress = ReplayProgress(ProgressDisplay(stream))
    progress.dead_lettered(MESSAGE, Rejection(reason=reason, detail=""))
    progress.delivered([MESSAGE])
    progress.print_summary()
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith("reprise: no message was decided")
    assert advice in last
    progress.decided([decision()], 0, 0)
    progress.delivered([MESSAGE])
    progress.print_summary()
    assert "no message" not in stream.getvalue().splitlines()[-1]


def test_a_file_of_dead_letters_alone_is_noticed() -> None:
    """The command then fails; a single article, or an empty file, is enough for it to succeed."""
    progress = ReplayProgress(ProgressDisplay(io.StringIO()))
    assert not progress.is_all_dead
    progress.dead_lettered(MESSAGE, REJECTION)
    progress.delivered([MESSAGE])
    assert progress.is_all_dead
    progress.delivered([MESSAGE])
    assert not progress.is_all_dead
