"""Test an evaluation: labelled lines, orders of arrival, the baseline, the error analysis and the report."""

import json
from collections.abc import Sequence
from functools import partial

import pytest

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import UsageError
from reprise.evaluation import baseline
from reprise.evaluation.error_analysis import find_worst_stories
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.report import EvaluationReport, to_json, to_terminal
from reprise.evaluation.runs import DecidedArticle, OrderedRun, decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import score
from reprise.evaluation.shared_text import SharedText
from reprise.evaluation.shared_text_scores import find_truth, score_recall
from reprise.evaluation.story_merges import MergeScores
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import decode_article
from reprise.model import Decision, EventType, Kind, Message
from tests.decoder_limits import decoder_limits

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


def messages(*rows: object) -> list[Message]:
    return [
        Message(topic="gold", partition=0, offset=number, key=None, value=json.dumps(row).encode())
        for number, row in enumerate(rows, start=1)
    ]


def read(*rows: object) -> list[LabelledArticle | RejectedLine]:
    lines = read_lines(
        messages(*rows), partial(decode_article, limits=decoder_limits()), partial(fingerprint, rule=RULE)
    )
    return [line if isinstance(line, RejectedLine) else line[0] for line in lines]


def labelled(*rows: object) -> list[LabelledArticle]:
    return [line for line in read(*rows) if isinstance(line, LabelledArticle)]


def row(article_id: str, text: str, story: object = None, source: str | None = None) -> dict[str, object]:
    return {"id": article_id, "text": text, "story": story, "source": source, "title": f"Title of {article_id}"}


def run(articles: Sequence[LabelledArticle]) -> OrderedRun:
    index = MemoryIndex(rule=RULE, retention=Retention(window_seconds=60, replay_seconds=60))
    return decide_in_order(articles, None, index, "ns", batch=2, clock=lambda: 1.0, advance=lambda _: None)


def variant(article: LabelledArticle, story: str, matched: str) -> DecidedArticle:
    decision = Decision(
        type=EventType.VARIANT,
        story_id=story,
        decided_at_ms=0,
        kind=Kind.PARTIAL,
        similarity=0.25,
        containment=0.5,
        matched_article_id=matched,
    )
    return DecidedArticle(article=article, decision=decision)


def new(article: LabelledArticle, story: str) -> DecidedArticle:
    return DecidedArticle(article=article, decision=Decision(type=EventType.NEW, story_id=story, decided_at_ms=0))


def test_lines_are_decoded_like_messages() -> None:
    """HTML precedes text, an integer is a label, null is none; an invalid line is returned with its problem."""
    paragraph = f"<html><body><article><p>{BRIDGE}</p></article></body></html>"
    page, plain, rejected = read(
        {"id": "1", "html": paragraph, "text": BAKERS, "story": 7}, row("2", BRIDGE), {"id": "3", "story": "x"}
    )
    assert isinstance(page, LabelledArticle)
    assert isinstance(plain, LabelledArticle)
    assert (page.label, plain.label) == ("7", None)
    assert page.fingerprint.content_hash == plain.fingerprint.content_hash
    assert isinstance(rejected, RejectedLine)
    assert (rejected.line, rejected.problem.split(";")[0]) == (3, "no_text: neither text nor html")


def test_a_story_that_is_no_label_is_an_error() -> None:
    """An array as `story` is an error that names the line."""
    with pytest.raises(UsageError, match=r"gold:2: story"):
        read(row("1", BRIDGE, "a"), row("2", BRIDGE, ["a"]))


def test_the_last_label_of_an_id_counts() -> None:
    """An id on several lines has the label of its last labelled line; a file without labels is an error."""
    assert gold_labels(labelled(row("1", BRIDGE, "a"), row("1", BAKERS, "b"), row("1", BAKERS))) == {"1": "b"}
    with pytest.raises(UsageError, match="nothing to score"):
        gold_labels(labelled(row("1", BRIDGE)))


def test_a_single_order_is_the_order_of_the_file() -> None:
    """Several orders are shuffled: each seed has an order of its own, with every article."""
    articles = labelled(*(row(str(number), BRIDGE) for number in range(20)))
    assert order_seeds(1) == [None]
    assert order_seeds(3) == [0, 1, 2]
    assert shuffle(articles, None) == articles
    assert shuffle(articles, 1) == shuffle(articles, 1) != shuffle(articles, 2)
    assert sorted(article.line for article in shuffle(articles, 1)) == [article.line for article in articles]


def test_the_last_decision_of_an_id_counts() -> None:
    """A page whose text is replaced by another report changes its story."""
    order = run(labelled(row("1", BRIDGE), row("2", BAKERS), row("3", BRIDGE), row("1", BAKERS)))
    stories = order.stories()
    assert [item.decision.type for item in order.decided] == [
        "story.new",
        "story.new",
        "story.variant",
        "story.variant",
    ]
    assert stories["1"] == stories["2"] != stories["3"]


def test_the_baseline_joins_texts_above_the_threshold() -> None:
    """Both thresholds join a copy, only 0.5 joins an extended text, neither joins a third of it or empty texts."""
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
    articles = [(name, baseline.signature(text)) for name, text in texts.items()]
    advances: list[int] = []
    stories = {threshold: baseline.cluster(articles, threshold, advances.append) for threshold in baseline.THRESHOLDS}
    assert stories[0.8]["1"] == stories[0.8]["2"]
    assert len({stories[0.8][name] for name in "14567"}) == 5
    assert stories[0.5]["3"] == stories[0.5]["1"] != stories[0.5]["4"]
    assert len({stories[0.5][name] for name in "4567"}) == 4
    assert sum(advances) == 2 * len(texts)


def test_the_baseline_prefers_the_most_similar_then_the_earliest() -> None:
    """Of several query results the most similar one decides the story; of equal ones, the earliest."""
    mixed = BRIDGE + " " + BAKERS
    articles = [(str(n), baseline.signature(text)) for n, text in enumerate([BRIDGE, mixed, mixed + " End.", mixed])]
    stories = baseline.cluster([articles[0], articles[2], articles[3]], 0.5, lambda _: None)
    assert stories["3"] == stories["2"]


def test_the_error_analysis_lists_splits_and_wrong_joins() -> None:
    """A split has the nearest earlier article of its story; a wrong join has the two articles that matched."""
    bridge, again, cut, bakers, stray = labelled(
        row("bridge", BRIDGE, "b"),
        row("again", BRIDGE, "b"),
        row("cut", BRIDGE[:300], "b"),
        row("bakers", BAKERS, "o"),
        row("stray", "Menu", None),
    )
    order = OrderedRun(
        seed=3,
        decided=[
            new(bridge, "S1"),
            new(stray, "S9"),
            variant(bakers, "S1", "bridge"),
            variant(again, "S9", "stray"),
            new(cut, "S2"),
        ],
    )
    gold = gold_labels([bridge, again, cut, bakers, stray])
    worst = {errors.score.story: errors for errors in find_worst_stories(order, gold, RULE, stories=5, examples=3)}
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


def test_a_run_without_errors_has_no_worst_story() -> None:
    """Stories without a loss are left out."""
    articles = labelled(row("1", BRIDGE, "a"), row("2", BRIDGE, "a"), row("3", BAKERS, "b"))
    order = run(articles)
    gold = gold_labels(articles)
    assert score(gold, order.stories()).b3_f1 == 1
    assert find_worst_stories(order, gold, RULE, stories=5, examples=3) == []


def report() -> EvaluationReport:
    articles = labelled(row("a\x1b[31m", BRIDGE, "\x1b]0;story\x07", "one.example"), row("2", BAKERS, "b"))
    order = OrderedRun(seed=0, decided=[new(articles[0], "S"), variant(articles[1], "S", "a\x1b[31m")])
    gold = gold_labels(articles)
    scores = [score(gold, order.stories())] * 2
    truth = find_truth(articles, SharedText([BRIDGE, BRIDGE + BAKERS]))
    return EvaluationReport(
        articles=2,
        scored=2,
        gold_stories=2,
        rejected=1,
        seeds=[0, 1],
        systems={"reprise": scores, "datasketch 0.5": scores},
        file_order={"reprise": scores[0], "datasketch 0.5": scores[0]},
        recall=[score_recall(truth, order)] * 3,
        merges=[MergeScores(merges=3, wrong=1, applied=scores[0])] * 3,
        worst_order=1,
        worst=find_worst_stories(order, gold, RULE, stories=5, examples=3),
    )


def test_the_json_report_holds_every_order_and_error() -> None:
    """It has the scores of each order and of the file's, the recall by containment, and a wrong join."""
    parsed = json.loads(json.dumps(to_json(report())))
    assert parsed["systems"].keys() == {"reprise", "datasketch 0.5"}
    assert len(parsed["systems"]["reprise"]["orders"]) == 2
    assert parsed["systems"]["reprise"]["over_orders"]["b3_p"] == {"mean": 0.5, "worst": 0.5, "spread": 0.0}
    assert parsed["file_order"]["reprise"]["b3_p"] == 0.5
    assert [parsed["merges"]["file_order"][name] for name in ("merges", "wrong")] == [3, 1]
    assert len(parsed["merges"]["orders"]) == 2
    recall = parsed["recall_by_containment"]
    assert (recall["file_order"][0]["pairs"], recall["file_order"][0]["recall"], len(recall["orders"])) == (1, 1.0, 2)
    (join,) = parsed["worst_stories"][0]["joins"]
    assert (join["article"]["id"], join["matched"]["id"], join["similarity"]) == ("2", "a\x1b[31m", 0.25)


def test_the_terminal_report_is_complete_and_free_of_control_characters() -> None:
    """It has the scores and the wrong join with its similarity; control characters of an id are replaced."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(to_terminal(report()))
    text = console.export_text()
    assert "\x1b" not in text
    assert "\x07" not in text
    for part in (
        "2 articles; 2 labelled ids in 2 stories; mean of 2 random orders, and the order of the file; rejected",
        "0.9 to 1.0, across sources 1.000 1.000 1.000 1 ",
        "order of the file 3 1 0.667 0.667 0.000",
        "seed 1 3 1",
        "joined  2",
    ):
        assert " ".join(part.split()) in " ".join(text.split())
    assert "similarity 0.250, containment 0.500" in text
    assert "B-cubed precision" in text
