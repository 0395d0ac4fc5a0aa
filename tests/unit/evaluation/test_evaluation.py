"""Labelled files, orders, the yardstick and the mistakes."""

import json
from collections.abc import Sequence
from functools import partial

import pytest

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import UsageError
from reprise.evaluation import baseline
from reprise.evaluation.error_analysis import worst_stories
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.report import Report, to_json, to_terminal
from reprise.evaluation.runs import Arrival, OrderedRun, decide, seeds, shuffled
from reprise.evaluation.scores import score
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.model import Decision, EventType, Kind, Message

RULE = Rule()

BRIDGE = (
    "The county engineer closed the iron bridge at Marlow Ford on Tuesday after divers found a crack in its eastern "
    "pier that was wide enough to hold a hand. The crossing carries eleven thousand cars a day, and the detour by the "
    "old mill road adds twenty minutes for the people of the upper valley. Repairs will begin as soon as the water has "
    "fallen, and the county hopes to reopen one lane before the school year starts in September."
)
BAKERS = (
    "Four bakers in the harbour quarter have agreed to share a single oven through the winter, because none of them "
    "can pay for the gas alone. They light it at midnight and draw lots for the first batch, and the last loaves come "
    "out at seven in the morning. Customers say that the rye bread has never been better than from the common oven."
)


def lines(*rows: object) -> list[Message]:
    return [
        Message(topic="gold", partition=0, offset=number, key=None, value=json.dumps(row).encode())
        for number, row in enumerate(rows, start=1)
    ]


def read(*rows: object) -> list[LabelledArticle | RejectedLine]:
    found = read_lines(lines(*rows), partial(decode_article, limits=DecoderLimits()), partial(fingerprint, rule=RULE))
    return [each if isinstance(each, RejectedLine) else each[0] for each in found]


def labelled(*rows: object) -> list[LabelledArticle]:
    return [each for each in read(*rows) if isinstance(each, LabelledArticle)]


def row(article_id: str, text: str, story: object = None, source: str | None = None) -> dict[str, object]:
    return {"id": article_id, "text": text, "story": story, "source": source, "title": f"Title of {article_id}"}


def run(articles: Sequence[LabelledArticle]) -> OrderedRun:
    index = MemoryIndex(rule=RULE, retention=Retention(window_seconds=60, replay_seconds=60))
    return decide(articles, None, index, "ns", batch=2, clock=lambda: 1.0, advance=lambda _: None)


def variant(article: LabelledArticle, story: str, matched: str) -> Arrival:
    decision = Decision(
        type=EventType.VARIANT,
        story_id=story,
        decided_at_ms=0,
        kind=Kind.PARTIAL,
        similarity=0.25,
        containment=0.5,
        matched_article_id=matched,
    )
    return Arrival(article=article, decision=decision)


def new(article: LabelledArticle, story: str) -> Arrival:
    return Arrival(article=article, decision=Decision(type=EventType.NEW, story_id=story, decided_at_ms=0))


def test_lines_are_read_as_the_worker_reads_them() -> None:
    """HTML wins over text, a number is a label, null and nothing are none; a broken line is told with its reason."""
    paragraph = f"<html><body><article><p>{BRIDGE}</p></article></body></html>"
    found = read(
        {"id": "1", "html": paragraph, "text": BAKERS, "story": 7}, row("2", BRIDGE), {"id": "3", "story": "x"}
    )
    page, plain, broken = found
    assert isinstance(page, LabelledArticle)
    assert isinstance(plain, LabelledArticle)
    assert (page.label, plain.label) == ("7", None)
    assert page.fingerprint.content_hash == plain.fingerprint.content_hash
    assert broken == RejectedLine(line=3, problem="no_text: neither text nor html")


def test_a_story_that_is_no_label_is_refused() -> None:
    """An array as `story` is a mistake of the file, told with its line."""
    with pytest.raises(UsageError, match=r"gold:2: story"):
        read(row("1", BRIDGE, "a"), row("2", BRIDGE, ["a"]))


def test_the_last_label_of_an_id_counts() -> None:
    """Of several lines of one id the last that has a label gives it; a file without labels is refused."""
    assert gold_labels(labelled(row("1", BRIDGE, "a"), row("1", BAKERS, "b"), row("1", BAKERS))) == {"1": "b"}
    with pytest.raises(UsageError, match="nothing to score"):
        gold_labels(labelled(row("1", BRIDGE)))


def test_one_order_is_the_files_and_more_are_shuffled() -> None:
    """The same seed gives the same order, another seed another; each holds every article."""
    articles = labelled(*(row(str(number), BRIDGE) for number in range(20)))
    assert seeds(1) == [None]
    assert seeds(3) == [0, 1, 2]
    assert shuffled(articles, None) == articles
    assert shuffled(articles, 1) == shuffled(articles, 1) != shuffled(articles, 2)
    assert sorted(each.line for each in shuffled(articles, 1)) == [each.line for each in articles]


def test_the_last_decision_of_an_id_counts() -> None:
    """A page whose text is replaced by another report leaves its first story."""
    order = run(labelled(row("1", BRIDGE), row("2", BAKERS), row("3", BRIDGE), row("1", BAKERS)))
    stories = order.stories()
    assert [each.decision.type for each in order.arrivals] == [
        "story.new",
        "story.new",
        "story.variant",
        "story.variant",
    ]
    assert stories["1"] == stories["2"] != stories["3"]


def test_the_yardstick_joins_what_is_similar_enough() -> None:
    """A copy is found at both thresholds, a text with a tail at 0.5, a third of it and empty texts at neither."""
    half = BRIDGE[: len(BRIDGE) // 3]
    texts = {
        "1": BRIDGE,
        "2": BRIDGE.upper(),
        "3": BRIDGE + " " + BAKERS[:130],
        "4": half,
        "5": "",
        "6": " ... ",
        "7": "Yes.",
    }
    signed = [(name, baseline.signature(text)) for name, text in texts.items()]
    done: list[int] = []
    stories = {threshold: baseline.cluster(signed, threshold, done.append) for threshold in baseline.THRESHOLDS}
    assert stories[0.8]["1"] == stories[0.8]["2"]
    assert len({stories[0.8][name] for name in "14567"}) == 5
    assert stories[0.5]["3"] == stories[0.5]["1"] != stories[0.5]["4"]
    assert len({stories[0.5][name] for name in "4567"}) == 4
    assert sum(done) == 2 * len(texts)


def test_the_yardstick_takes_the_most_similar_and_the_earliest_of_equals() -> None:
    """Of several answers the most similar one gives the story; of equal ones, the one that came first."""
    mixed = BRIDGE + " " + BAKERS
    signed = [(str(n), baseline.signature(text)) for n, text in enumerate([BRIDGE, mixed, mixed + " End.", mixed])]
    stories = baseline.cluster([signed[0], signed[2], signed[3]], 0.5, lambda _: None)
    assert stories["3"] == stories["2"]


def test_splits_and_joins_are_told_with_what_tied_or_parted_them() -> None:
    """A further piece is shown with the nearest article before it, a wrong match with the two articles it ties."""
    bridge, again, cut, bakers, stray = labelled(
        row("bridge", BRIDGE, "b"),
        row("again", BRIDGE, "b"),
        row("cut", BRIDGE[:300], "b"),
        row("bakers", BAKERS, "o"),
        row("stray", "Menu", None),
    )
    order = OrderedRun(
        seed=3,
        arrivals=[
            new(bridge, "S1"),
            new(stray, "S9"),
            variant(bakers, "S1", "bridge"),
            variant(again, "S9", "stray"),
            new(cut, "S2"),
        ],
    )
    gold = gold_labels([bridge, again, cut, bakers, stray])
    worst = {each.score.story: each for each in worst_stories(order, gold, RULE, stories=5, examples=3)}
    assert [split.article.article_id for split in worst["b"].splits] == ["again", "cut"]
    near = worst["b"].splits[0].nearest
    assert near is not None
    assert near.comparison is not None
    assert (near.article.article_id, near.bands, near.comparison.similarity) == ("bridge", RULE.permutations, 1.0)
    assert near.is_enough
    assert [(join.article.article_id, join.matched.article_id) for join in worst["b"].joins] == [
        ("bakers", "bridge"),
        ("again", "stray"),
    ]
    assert [join.article.article_id for join in worst["o"].joins] == ["bakers"]
    assert worst["o"].splits == []


def test_a_perfect_order_has_no_worst_story() -> None:
    """What loses nothing is not shown."""
    articles = labelled(row("1", BRIDGE, "a"), row("2", BRIDGE, "a"), row("3", BAKERS, "b"))
    order = run(articles)
    gold = gold_labels(articles)
    assert score(gold, order.stories()).b3_f1 == 1
    assert worst_stories(order, gold, RULE, stories=5, examples=3) == []


def report() -> Report:
    articles = labelled(row("a\x1b[31m", BRIDGE, "\x1b]0;story\x07", "one.example"), row("2", BAKERS, "b"))
    order = OrderedRun(seed=0, arrivals=[new(articles[0], "S"), variant(articles[1], "S", "a\x1b[31m")])
    gold = gold_labels(articles)
    scores = [score(gold, order.stories())] * 2
    return Report(
        articles=2,
        scored=2,
        gold_stories=2,
        unread=1,
        seeds=[0, 1],
        systems={"reprise": scores, "datasketch 0.5": scores},
        worst_order=1,
        worst=worst_stories(order, gold, RULE, stories=5, examples=3),
    )


def test_the_report_for_machines_holds_every_order_and_mistake() -> None:
    """It is plain JSON: figures of each order and over all, and the wrong match with both articles."""
    found = json.loads(json.dumps(to_json(report())))
    assert found["systems"].keys() == {"reprise", "datasketch 0.5"}
    assert len(found["systems"]["reprise"]["orders"]) == 2
    assert found["systems"]["reprise"]["over_orders"]["b3_p"] == {"mean": 0.5, "worst": 0.5, "spread": 0.0}
    (join,) = found["worst_stories"][0]["joins"]
    assert (join["article"]["id"], join["matched"]["id"], join["similarity"]) == ("2", "a\x1b[31m", 0.25)


def test_the_report_for_people_says_the_same_and_steers_no_terminal() -> None:
    """Figures, the wrong match, its similarity; what an article puts into its id stays text."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(to_terminal(report()))
    text = console.export_text()
    assert "\x1b" not in text
    assert "\x07" not in text
    for part in (
        "2 articles, 2 scored, of 2 stories; 2 random orders; lines that are no articles: 1",
        "seed 1",
        "joined  2",
    ):
        assert part in text
    assert "similarity 0.250, containment 0.500" in text
    assert "B-cubed precision" in text
