"""Test the scores by shared text, and the report of an evaluation without labels."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from rich.console import Console

from reprise.evaluation import shared_text_scores
from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import DecidedArticle, OrderedRun
from reprise.evaluation.shared_text import SharedText
from reprise.evaluation.shared_text_report import SharedTextReport, to_json, to_terminal
from reprise.evaluation.shared_text_scores import SharedTextScores, find_truth, score_recall, score_run
from reprise.evaluation.story_merges import MergeInRun
from reprise.model import Decision, EventType, Fingerprint, Kind, StoryMerge


def words(start: int, count: int) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count))


#: Three cuts of one report, a report that shares one run of ten words with it, and two that share nothing.
TEXTS = {
    "whole": words(0, 100),
    "half": words(0, 50),
    "tail": f"{words(40, 60)} {words(900, 40)}",
    "formula": f"{words(0, 10)} {words(2000, 90)}",
    "other": words(3000, 80),
    "short": words(3000, 20),
}
SOURCES = {"whole": "a.example", "half": "a.example", "tail": "b.example", "formula": "c.example"}


def decided(*decisions: tuple[str, str, str | None]) -> tuple[list[LabelledArticle], list[str], OrderedRun]:
    """Return the articles, texts and decisions of (name, story, matched name); each line is a crawl of a text."""
    articles, items = [], []
    for line, (name, story, matched) in enumerate(decisions, start=1):
        article = LabelledArticle(
            line=line,
            title=f"Title of {name}",
            label=None,
            fingerprint=Fingerprint(article_id=name, content_hash=b"", source=SOURCES.get(name)),
        )
        decision = Decision(
            type=EventType.VARIANT if matched else EventType.NEW,
            story_id=story,
            decided_at_ms=0,
            kind=Kind.PARTIAL if matched else None,
            matched_article_id=matched,
        )
        articles.append(article)
        items.append(DecidedArticle(article=article, decision=decision))
    return articles, [TEXTS[name] for name, _, _ in decisions], OrderedRun(seed=None, decided=items)


def scores(*decisions: tuple[str, str, str | None], stories: int = 9, examples: int = 9) -> SharedTextScores:
    articles, texts, run = decided(*decisions)
    return score_run(find_truth(articles, SharedText(texts)), run, stories=stories, examples=examples)


ALL = (
    ("whole", "S1", None),
    ("half", "S1", "whole"),
    ("tail", "S2", None),
    ("formula", "S1", "half"),
    ("other", "S1", "formula"),
    ("short", "S3", None),
)


def test_pairs_in_stories_and_joins_are_counted_by_their_text() -> None:
    """Of six pairs in the story one is copied, two share ten words, and three share nothing; joins likewise."""
    result = scores(*ALL)
    pairs, joins = result.story_pairs, result.joins
    assert (pairs.pairs, pairs.compared, pairs.copied, pairs.little, pairs.nothing) == (6, 6, 1, 2, 3)
    assert (joins.pairs, joins.copied, joins.little, joins.nothing) == (3, 1, 1, 1)
    assert pairs.precision == pytest.approx(1 / 6)
    assert (result.stories, result.variants, result.largest_articles) == (3, 3, 4)


def test_the_recall_has_ranges_and_sources() -> None:
    """Half and whole are a pair of .9 within one source, found; tail and whole one of .5 across sources, missed."""
    articles, texts, run = decided(*ALL)
    truth = find_truth(articles, SharedText(texts))
    recall = {(each.lowest, each.same_source): (each.pairs, each.found) for each in score_recall(truth, run)}
    assert recall.pop((0.9, True)) == (1, 1)
    assert recall.pop((0.5, False)) == (1, 0)
    assert set(recall.values()) == {(0, 0)}  # the short text stands whole in another one, but is too short to count
    assert score_recall(truth, run) == score_run(truth, run).recall


def test_a_source_that_is_unknown_equals_no_other() -> None:
    """Two copies without a source are a pair across sources."""
    result = scores(("other", "S1", None), ("other", "S1", "other"))
    assert [each.pairs for each in result.recall] == [0] * 10  # one id: only its last line counts
    articles, texts, run = decided(("other", "S1", None), ("short", "S1", "other"))
    pairs = find_truth(articles, SharedText([texts[0], texts[0]]))
    assert {(each.lowest, each.same_source): each.pairs for each in score_recall(pairs, run)}[0.9, False] == 1


def test_the_last_line_of_an_id_counts() -> None:
    """A page that moved to another story counts there; its join is compared with the text that it matched."""
    articles, texts, run = decided(("whole", "S1", None), ("other", "S2", None), ("whole", "S2", "other"))
    result = score_run(find_truth(articles, SharedText([texts[0], texts[1], texts[1]])), run, stories=3, examples=3)
    assert (result.stories, result.story_pairs.pairs, result.story_pairs.copied) == (1, 1, 1)
    (join,) = result.largest[0].weakest
    assert (join.article.line, join.matched.line, join.containment) == (3, 2, 1.0)


def test_the_weakest_joins_of_the_largest_stories_come_first() -> None:
    """The join without anything in common precedes the one with a formula; the numbers of both are bounded."""
    result = scores(*ALL, stories=1, examples=2)
    (story,) = result.largest
    assert (story.story_id, story.articles, story.sources) == ("S1", 4, 2)
    assert [(join.article.article_id, join.matched.article_id, join.words) for join in story.weakest] == [
        ("other", "formula", 0),
        ("formula", "half", 10),
    ]
    assert [join.evidence >= 1 for join in scores(*ALL).largest[0].weakest] == [False, False, True]


def test_many_pairs_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, as many pairs as the bound are drawn, each of two articles of one story."""
    monkeypatch.setattr(shared_text_scores, "MAX_STORY_PAIRS", 3000)
    texts = [words(0, 60)] * 60 + [words(1000 * n, 60) for n in range(1, 61)]
    items = [
        DecidedArticle(
            article=LabelledArticle(
                line=n, title=None, label=None, fingerprint=Fingerprint(article_id=str(n), content_hash=b"")
            ),
            decision=Decision(type=EventType.NEW, story_id="copies" if n < 60 else "others", decided_at_ms=0),
        )
        for n in range(120)
    ]
    truth = find_truth([item.article for item in items], SharedText(texts))
    pairs = score_run(truth, OrderedRun(seed=None, decided=items)).story_pairs
    assert (pairs.pairs, pairs.compared) == (2 * 60 * 59 // 2, 3000)
    assert pairs.precision == pytest.approx(0.5, abs=0.05)


def test_every_pair_is_drawn_with_the_same_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of two stories holds each pair about equally often, the smaller number first."""
    monkeypatch.setattr(shared_text_scores, "MAX_STORY_PAIRS", 10_000)
    members = [np.array([0, 2, 4]), np.array([1, 3])]
    drawn = shared_text_scores._draw_pairs(members, np.array([3, 2]))
    found, counts = np.unique(drawn, axis=1, return_counts=True)
    assert sorted(map(tuple, found.T.tolist())) == sorted([*combinations((0, 2, 4), 2), (1, 3)])
    assert (counts / counts.sum()).tolist() == pytest.approx([0.25] * 4, abs=0.02)


def report(random: Sequence[SharedTextScores] = ()) -> SharedTextReport:
    result = scores(*ALL, stories=2, examples=2)
    articles, _, _ = decided(*ALL)
    merge = MergeInRun(
        merge=StoryMerge(story_id="S3", into="S2", sources=3, representatives=4),
        shown_by=articles[4],
        younger=articles[5:],
        older=articles[2:3],
    )
    empty = replace(merge, older=[])
    return SharedTextReport(
        articles=6,
        rejected=1,
        max_texts=400,
        ignored_runs=7,
        file_order=result,
        merged=result,
        merges=[merge, empty],
        shown_merges=2,
        random=random,
    )


def test_the_json_report_is_complete() -> None:
    """It has the scores of each order, and the largest stories with their weakest joins."""
    parsed = json.loads(json.dumps(to_json(report([scores(*ALL)]))))
    assert (parsed["articles"], parsed["unread"], parsed["pair_search"]["ignored_runs"]) == (6, 1, 7)
    assert [order["seed"] for order in parsed["orders"]] == [None]
    own = parsed["file_order"]
    assert own["story_pairs"] == pytest.approx(
        {"pairs": 6, "compared": 6, "copied": 1, "little": 2, "nothing": 3, "precision": 1 / 6}
    )
    assert own["recall"][1] == {
        "lowest": 0.9,
        "highest": 1.0,
        "same_source": True,
        "pairs": 1,
        "found": 1,
        "recall": 1.0,
    }
    assert own["recall"][0]["recall"] is None
    merges = parsed["merges"]
    assert (merges["count"], len(merges["first"]), merges["applied"]["stories"]) == (2, 2, 3)
    assert (merges["first"][0]["story_id"], merges["first"][0]["older"]["first"][0]["id"]) == ("S3", "tail")
    weakest = own["largest_stories"][0]["weakest_joins"][0]
    assert (weakest["article"]["id"], weakest["matched"]["title"]) == ("other", "Title of formula")


def test_the_terminal_report_is_complete() -> None:
    """It has the shares, the recall of ranges with pairs, and the largest stories with titles; mean and worst too."""
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(to_terminal(report([scores(*ALL), scores(*ALL[:2])])))
    text = console.export_text()
    for part in (
        "6 articles, decided in the order of the file and in 2 random orders; rejected lines: 1",
        "pairs in stories with copied text 0.167 0.583 0.167",
        "0.9 to 1.0, within one source 1.000 1.000 1.000 1 ",
        "0.5 to 0.7, across sources",
        "more than 400 texts",
        "4 articles of 2 sources; 0.167 of their pairs have copied text (S1)",
        "joined  other “Title of other”",
        "with formula “Title of formula”",
        "2 merges; with all of them applied, 0.167 of the pairs",
        "merged  1 articles, the first: short",
        "into  1 articles, the first: tail",
        "into  no articles any more",
        "shown by other",
        "0 shared words, containment 0.000: not enough to count as copied",
    ):
        assert " ".join(part.split()) in " ".join(text.split())


def test_figures_without_pairs_are_left_out_of_the_terminal_report() -> None:
    """A single article has no pairs: a share of 1 would look like a result."""
    result = scores(("whole", "S1", None), stories=3)
    single = SharedTextReport(
        articles=1,
        rejected=0,
        max_texts=400,
        ignored_runs=0,
        file_order=result,
        merged=None,
        merges=[],
        shown_merges=5,
        random=[],
    )
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(to_terminal(single))
    text = console.export_text()
    assert "stories" in text
    assert not any(part in text for part in ("copied", "recall", "Largest", "merges"))
    assert to_json(single)["file_order"]["joins"]["precision"] is None
