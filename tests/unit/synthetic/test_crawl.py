"""Test the synthetic crawl: equal bytes for equal options, true labels, constant memory."""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations, islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
from click.testing import CliRunner

from reprise.commands.generate import command
from reprise.commands.support.crawl_outputs import publish
from reprise.commands.support.rate_limit import RateLimit, limit_rate
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import UsageError
from reprise.messages.decoder import decode_article
from reprise.model import Message, OutputRecord
from reprise.synthetic import CrawlOptions, GeneratedArticle, generate_crawl
from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.reprints import REPRINTS, Relation
from reprise.synthetic.rng import Rng, zipf_table
from reprise.synthetic.serialize import serialize_label, serialize_line, to_record
from tests.decoder_limits import decoder_limits
from tests.fake_clock import FakeClock

WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")

#: SHA-256 of the lines of _GOLDEN. A change of it changes every seeded crawl and needs an entry in the changelog.
_GOLDEN = CrawlOptions(count=500, seed=42, words=120)
_GOLDEN_SHA256 = "8b29d8bd3f20e6cab5162bac0f8aadcf5aad1b7b6d7732c65e623b03c91d4d3f"


def serialize(options: CrawlOptions) -> bytes:
    return b"".join(serialize_line(labelled, with_labels=True) for labelled in generate_crawl(options))


def shingles(text: str, size: int = 3) -> set[tuple[str, ...]]:
    words = WORD.findall(text.lower())
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def jaccard(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / (len(one | other) or 1)


def group_by_story(articles: Iterable[GeneratedArticle]) -> dict[str, list[GeneratedArticle]]:
    stories: dict[str, list[GeneratedArticle]] = defaultdict(list)
    for labelled in articles:
        stories[labelled.story].append(labelled)
    return stories


@pytest.fixture(scope="module")
def texts() -> Sequence[GeneratedArticle]:
    """Return a crawl of text pages only. The stories are long enough to outweigh the boilerplate."""
    return list(generate_crawl(CrawlOptions(count=3000, seed=7, html=0, duplicates=0.6, words=300)))


def test_the_same_options_give_the_same_bytes_on_every_platform() -> None:
    """The crawl's bytes depend on its options only: their hash is the recorded one."""
    assert hashlib.sha256(serialize(_GOLDEN)).hexdigest() == _GOLDEN_SHA256


def test_two_interleaved_crawls_are_independent() -> None:
    """Crawls share no state: two interleaved crawls yield the articles of a single one."""
    options = CrawlOptions(count=300, seed=3, words=60)
    first, second = [], []
    for one, other in zip(generate_crawl(options), generate_crawl(options), strict=True):
        first.append(one)
        second.append(other)
    assert first == second == list(generate_crawl(options))


def test_two_seeds_generate_different_articles() -> None:
    """Two seeds share no id, story or URL and hardly any text, so that one topic can hold both crawls."""
    one, other = (
        list(generate_crawl(CrawlOptions(count=200, seed=seed, languages=("en",), html=0))) for seed in (1, 2)
    )
    for field in ("id", "url"):
        assert not {x.article[field] for x in one} & {x.article[field] for x in other}
    assert not {x.story for x in one} & {x.story for x in other}
    pages = [[shingles(x.article["text"]) for x in articles] for articles in (one, other)]
    assert median(jaccard(a, b) for a, b in zip(*pages, strict=True)) < 0.01


def test_a_longer_crawl_begins_with_the_shorter_one() -> None:
    """`count` only limits the crawl: the first articles are the same."""
    short, long = (generate_crawl(CrawlOptions(count=count, words=60)) for count in (50, 500))
    assert list(short) == list(islice(long, 50))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_the_share_of_reprints_matches_the_option(share: float) -> None:
    """Of 5,000 articles, the share that are not founders is within 3 % points of --duplicates."""
    founders = sum(
        x.relation is Relation.FOUNDER for x in generate_crawl(CrawlOptions(count=5000, duplicates=share, words=40))
    )
    assert 1 - founders / 5000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_html_matches_the_option(share: float) -> None:
    """The share of HTML among new stories is within 3 % points of --html, and no article has both fields."""
    articles = list(generate_crawl(CrawlOptions(count=5000, html=share, duplicates=0, words=40)))
    assert sum("html" in x.article for x in articles) / 5000 == pytest.approx(share, abs=0.03)
    assert all(("html" in x.article) != ("text" in x.article) for x in articles)


def test_each_relation_is_as_frequent_as_its_weight(texts: Sequence[GeneratedArticle]) -> None:
    """Each relation's share of the reprints matches its weight within 4 % points."""
    counted: Counter[str] = Counter(x.relation for x in texts if x.relation is not Relation.FOUNDER)
    for relation in set(REPRINTS):
        assert counted[relation] / counted.total() == pytest.approx(REPRINTS[relation] / 20, abs=0.04), relation


@pytest.mark.parametrize("words", [100, 400, 1200])
def test_the_mean_length_of_a_story_matches_the_option(words: int) -> None:
    """The sentences of new stories have --words words on average, within 5 %, and vary by --spread."""
    articles = generate_crawl(
        CrawlOptions(count=600, words=words, spread=0.5, duplicates=0, html=1, languages=("en", "de"), sites=2)
    )
    lengths = [len(_body(x.article["html"]).split()) for x in articles]
    assert mean(lengths) == pytest.approx(words, rel=0.05)
    assert min(lengths) < 0.75 * words
    assert max(lengths) > 1.25 * words


def _body(html: str) -> str:
    return " ".join(re.findall(r"<p>(.*?)</p>", html[html.index("</h1>") : html.index("</article>")]))


def test_every_language_and_every_site_is_used() -> None:
    """Every requested language appears, every site publishes, and each site has one language."""
    articles = list(generate_crawl(CrawlOptions(count=4000, words=40, sites=21)))
    assert {x.article["lang"] for x in articles} == set(LANGUAGES)
    languages = defaultdict(set)
    for x in articles:
        languages[x.article["source"]].add(x.article["lang"])
    assert len(languages) == 21
    assert all(len(codes) == 1 for codes in languages.values())


def test_only_revisions_repeat_an_id(texts: Sequence[GeneratedArticle]) -> None:
    """A revision repeats the id and URL of its founder, with changed text and a later crawl; no other article does."""
    seen: dict[str, GeneratedArticle] = {}
    urls = set()
    revisions = 0
    for x in texts:
        before = seen.get(x.article["id"])
        if x.relation is Relation.REVISION:
            revisions += 1
            assert before is not None
            assert before.story == x.story
            assert before.article["url"] == x.article["url"]
            assert before.article["text"] != x.article["text"]
            assert datetime.fromisoformat(before.article["crawled_at"]) < datetime.fromisoformat(
                x.article["crawled_at"]
            )
        else:
            assert before is None
            assert x.article["url"] not in urls
        seen[x.article["id"]] = x
        urls.add(x.article["url"])
    assert revisions > 50


def test_a_story_begins_with_its_founder(texts: Sequence[GeneratedArticle]) -> None:
    """The first article of every story is its founder, and no story has two."""
    for articles in group_by_story(texts).values():
        assert [x.relation is Relation.FOUNDER for x in articles] == [True] + [False] * (len(articles) - 1)


#: smallest and largest Jaccard similarity of 3-word shingles between the pages of a founder and its reprint; whole
#: pages with menus and notices, stories of 300 words
SIMILARITY = {
    Relation.EXACT: (1.0, 1.0),
    Relation.NEAR: (0.2, 1.0),
    Relation.CUT: (0.1, 0.95),
    Relation.EXTENDED: (0.25, 0.95),
    Relation.EXCERPT: (0.08, 0.6),
    Relation.REVISION: (0.4, 0.999),
}


@pytest.mark.parametrize("relation", SIMILARITY)
def test_a_reprint_shares_text_with_the_founder_of_its_story(
    texts: Sequence[GeneratedArticle], relation: Relation
) -> None:
    """The labels are true: the Jaccard similarity of reprint and founder is in the range of the relation."""
    minimum, maximum = SIMILARITY[relation]
    measured = []
    for founder, *reprints in group_by_story(texts).values():
        original = shingles(founder.article["text"])
        measured += [jaccard(original, shingles(x.article["text"])) for x in reprints if x.relation is relation]
    assert len(measured) > 50
    assert minimum <= min(measured)
    assert max(measured) <= maximum


@pytest.mark.parametrize("language", LANGUAGES)
def test_unrelated_stories_share_few_shingles(language: str) -> None:
    """As in natural text, 75 % of the pairs of stories on two sites are under 0.5 % similar, and 99 % under 5 %."""
    articles = list(
        generate_crawl(
            CrawlOptions(count=150, seed=5, duplicates=0, html=0, words=300, languages=(language,), sites=50)
        )
    )
    pages = [(x.article["source"], shingles(x.article["text"])) for x in articles]
    measured = sorted(jaccard(a, b) for (one, a), (other, b) in combinations(pages, 2) if one != other)
    assert measured[int(0.75 * len(measured))] < 0.005
    assert measured[int(0.99 * len(measured))] < 0.05


def test_unrelated_articles_of_one_site_share_boilerplate_below_the_threshold() -> None:
    """Unrelated articles of one site share its menu and notices; their similarity stays below 0.3, a match."""
    articles = list(
        generate_crawl(CrawlOptions(count=120, seed=5, duplicates=0, html=0, words=300, languages=("en",), sites=1))
    )
    measured = [jaccard(a, b) for a, b in combinations([shingles(x.article["text"]) for x in articles], 2)]
    assert mean(measured) > 0.005
    assert max(measured) < 0.3


def test_many_stories_share_stock_phrases() -> None:
    """Some sentences occur in three stories or more. The index excludes such phrases with its stop bands."""
    articles = generate_crawl(
        CrawlOptions(count=400, seed=5, duplicates=0, html=1, words=300, languages=("en",), sites=100)
    )
    stories = Counter(sentence for x in articles for sentence in set(_body(x.article["html"]).split(". ")))
    assert sum(count >= 3 for count in stories.values()) > 5


def test_popularity_is_heavy_tailed_and_reprints_follow_soon() -> None:
    """Half the stories have one or two articles, one has 50 times the mean; half the reprints come within 2,000."""
    articles = list(generate_crawl(CrawlOptions(count=20_000, seed=1, words=40, duplicates=0.5)))
    printed = Counter(x.story for x in articles)
    sizes = sorted(printed.values())
    assert sizes[len(sizes) // 2] <= 2
    assert sizes[-1] > 50 * mean(sizes)
    founders: dict[str, int] = {}
    ages = [n - founders.setdefault(x.story, n) for n, x in enumerate(articles)]
    reprint_ages = sorted(age for age, x in zip(ages, articles, strict=True) if x.relation is not Relation.FOUNDER)
    assert reprint_ages[len(reprint_ages) // 2] < 2000


def test_every_line_is_valid_input() -> None:
    """A line is one JSON object. The decoder of the input topic accepts all its fields."""
    for x in generate_crawl(CrawlOptions(count=500, words=60)):
        line = serialize_line(x, with_labels=True)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        body = json.loads(line)
        assert body.keys() - {"text", "html"} == {
            *("id", "url", "source", "title", "lang", "published_at", "crawled_at", "story", "kind")
        }
        assert all(isinstance(value, str) and value for value in body.values())
        assert len(body["id"].encode()) <= 256
        article = decode_article(Message(topic="t", partition=0, offset=0, key=None, value=line), decoder_limits())
        assert (article.article_id, article.source) == (body["id"], body["source"])
        assert article.crawled_at_ms is not None
        assert fingerprint(article, Rule()).signature is not None
        assert body["url"].startswith(f"https://www.{body['source']}/")
        assert datetime.fromisoformat(body["published_at"]) < datetime.fromisoformat(body["crawled_at"])


@pytest.mark.parametrize("html", [0, 1])
def test_an_exact_copy_keeps_the_kept_text_of_its_founder(html: int) -> None:
    """Exact copies have the founder's content hash, although teasers change; other reprints have another hash."""
    hashes: dict[str, bytes] = {}
    seen: Counter[tuple[bool, bool]] = Counter()
    for x in generate_crawl(CrawlOptions(count=1500, html=html, duplicates=0.6, words=150)):
        value = serialize_line(x, with_labels=False)
        article = decode_article(Message(topic="t", partition=0, offset=0, key=None, value=value), decoder_limits())
        content_hash = fingerprint(article, Rule()).content_hash
        is_same = hashes.setdefault(x.story, content_hash) == content_hash
        seen[x.relation in {Relation.FOUNDER, Relation.EXACT}, is_same] += 1
    assert seen[True, False] == seen[False, True] == 0
    assert seen[True, True] > 500
    assert seen[False, False] > 500


def test_labels_can_be_separate_from_the_articles() -> None:
    """Without labels a line is the article; the label line has only id, story and kind."""
    (x,) = generate_crawl(CrawlOptions(count=1))
    assert json.loads(serialize_line(x, with_labels=False)) == x.article
    assert json.loads(serialize_label(x)) == {"id": x.article["id"], "story": x.story, "kind": "founder"}


def test_a_record_is_keyed_by_the_articles_id() -> None:
    """The key of a record is the article's id, so that an article and its revisions go to one partition."""
    (x,) = generate_crawl(CrawlOptions(count=1))
    record = to_record(x, "articles.raw", with_labels=False)
    assert (record.topic, record.key) == ("articles.raw", x.article["id"].encode())
    assert record.value is not None
    assert json.loads(record.value) == x.article


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"count": -1}, "count"),
        ({"seed": -1}, "seed"),
        ({"words": 0}, "words"),
        ({"spread": 1.5}, "spread"),
        ({"duplicates": -0.1}, "duplicates"),
        ({"html": float("nan")}, "html"),
        ({"languages": ("en", "xx")}, "xx"),
        ({"languages": ()}, "languages"),
        ({"sites": 1}, "sites"),
        ({"interval_us": 0}, "interval_us"),
    ],
)
def test_the_error_names_an_invalid_option(wrong: dict[str, Any], named: str) -> None:
    """The error has one line, which names the option that is out of its bounds."""
    with pytest.raises(UsageError, match=named) as raised:
        CrawlOptions(**{"count": 1, **wrong})
    assert len(str(raised.value).splitlines()) == 1


def test_a_zipf_table_gives_each_rank_its_share() -> None:
    """The share of rank r in the table is proportional to 1 / (r + offset), within one entry."""
    table = zipf_table(size=50, offset=3, bits=12)
    total = sum(1 / (rank + 3) for rank in range(50))
    counted = Counter(table.tolist())
    assert len(table) == 4096
    for rank in range(50):
        assert abs(counted[rank] - 4096 / (rank + 3) / total) <= 1.01


def test_randbelow_is_uniform() -> None:
    """All six results are equally frequent, within four standard deviations."""
    rng = Rng(11)
    counted = Counter(rng.randbelow(6) for _ in range(60_000))
    assert counted.keys() == set(range(6))
    assert all(abs(count - 10_000) < 4 * 91.3 for count in counted.values())


def test_the_command_writes_the_same_file_twice(tmp_path: Path) -> None:
    """Two runs write equal compressed files, and the labels have one line for each article, in its order."""
    written = []
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        arguments = ["--count", "700", "--words", "50", "--seed", "9", "--languages", "fr,zh", "--sites", "10"]
        output, gold = tmp_path / name, tmp_path / f"{name}.gold"
        done = CliRunner().invoke(command, [*arguments, "--output", str(output), "--gold", str(gold)])
        assert done.exit_code == 0, done.output
        written.append((output.read_bytes(), gold.read_bytes()))
    assert written[0] == written[1]
    articles = [json.loads(x) for x in gzip.decompress(written[0][0]).splitlines()]
    labels = [json.loads(x) for x in written[0][1].splitlines()]
    assert [x["id"] for x in articles] == [x["id"] for x in labels]
    assert len(articles) == 700
    assert all("story" not in x for x in articles)


def test_the_command_writes_to_standard_output_by_default() -> None:
    """Without --output, standard output holds the lines with their labels and nothing else."""
    done = CliRunner().invoke(command, ["--count", "3", "--words", "50"])
    assert json.loads(done.stdout.splitlines()[0])["kind"] == "founder"
    assert len(done.stdout.splitlines()) == 3


def test_a_late_consumer_catches_up_with_the_rate() -> None:
    """At 100 a second the n-th article is due n/100 s after the first; late batches follow without a pause."""
    clock = FakeClock(50.0)
    batches: list[tuple[int, float]] = []
    for batch in limit_rate(generate_crawl(CrawlOptions(count=100, words=40)), RateLimit(rate=100), clock, clock.sleep):
        batches.append((len(batch), clock.now - 50))
        if len(batches) == 4:
            clock.now += 0.3
    due = [sum(size for size, _ in batches[:n]) / 100 for n in range(len(batches))]
    assert max(size for size, _ in batches) == 5
    assert [at for _, at in batches[:4]] == pytest.approx(due[:4])
    assert [at for _, at in batches[4:10]] == pytest.approx([0.45] * 6)
    assert [at for _, at in batches[10:]] == pytest.approx(due[10:])


def _reject_all(records: Sequence[OutputRecord]) -> Sequence[int]:
    """Reject every record as too large, as a topic with a low limit does."""
    return range(len(records))


def test_an_article_that_is_too_large_for_the_topic_is_an_error() -> None:
    """A record that is too large ends the command, instead of a gap in the crawl."""
    with pytest.raises(UsageError, match="words"):
        publish(generate_crawl(CrawlOptions(count=1)), _reject_all, "articles.raw", with_labels=True)
