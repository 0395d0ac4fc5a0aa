"""The output of `reprise stats` and `reprise story`, and the estimates from a sample."""

from dataclasses import replace

from reprise.commands import stats, story
from reprise.dedup.retention import Retention
from reprise.index.redis.inspect import parse_counts
from reprise.index.redis.inspect_types import IndexInfo, IndexStats, RecordedDecision, ServerInfo, StoredRepresentative
from reprise.index.redis.record_sample import RecordCounts
from reprise.model import EventType, Kind
from reprise.settings import load

WINDOW_MS = 604_800_000
STORY = "ab" * 16
SETTINGS = load({"REPRISE_NAMESPACE": "news"})
HELD = IndexInfo(version="c27f9e", parameters="text=2", shards=16_384, last_number=0, added=0, swept_ms=None)
EMPTY = IndexStats(
    shards_read=16_384,
    representatives=0,
    founders=0,
    articles=0,
    superseded=0,
    revisions=0,
    texts=0,
    oldest_ms=None,
    newest_ms=None,
)
SERVER = ServerInfo(name="Valkey 9.1.2", used_bytes=1_500_000, max_bytes=None, policy="noeviction")
RECORDED = RecordedDecision(
    type=EventType.VARIANT,
    kind=Kind.NEAR,
    decided_at_ms=1_700_000_000_000,
    published_story_id="cd" * 16,
    story_id=STORY,
    matched_article_id="first",
)


def representative(
    article_id: str, *, number: int = 1, source: str | None = "0011223344556677"
) -> StoredRepresentative:
    return StoredRepresentative(
        number=number,
        is_founder=number == 1,
        article_id=article_id,
        source=source,
        shingle_count=1_234,
        last_seen_ms=1_700_000_000_000,
    )


def test_a_sample_is_projected_onto_all_shards() -> None:
    """The counts of a sixteenth of the shards, in two replies, are multiplied by sixteen; those of records are not."""
    answers = [[100, 50, 20, 3, 2, 15], [28, 9, 4, 0, 1, 3]]
    records = RecordCounts(representatives=175.7, founders=96.2, earliest_ms=7_000, latest_ms=9_000)
    assert parse_counts(answers, 2_048, records) == IndexStats(
        shards_read=128,
        representatives=176,
        founders=96,
        articles=384,
        superseded=48,
        revisions=48,
        texts=288,
        oldest_ms=7_000,
        newest_ms=9_000,
    )


def test_an_empty_index_has_no_times() -> None:
    """Times that do not exist are `never` in the table and null in the JSON."""
    table = dict(stats.to_rows(SETTINGS, "n", HELD, EMPTY, SERVER))
    assert (table["last seen"], table["last sweep"], table["generation"]) == ("never", "never", "none")
    assert table["memory"] == "1.5 MB, no limit"
    as_json = stats.to_json(SETTINGS, "n", HELD, EMPTY, SERVER)
    assert (as_json["oldest_at"], as_json["swept_at"], as_json["maxmemory_bytes"]) == (None, None, None)


def test_an_estimate_is_marked() -> None:
    """If only some of the shards were read, the counts begin with `about`."""
    sampled = IndexStats(
        shards_read=64,
        representatives=1_000_000,
        founders=500_000,
        articles=3_000_000,
        superseded=10,
        revisions=10,
        texts=2_000_000,
        oldest_ms=1_700_000_000_000,
        newest_ms=1_700_000_001_000,
    )
    table = dict(stats.to_rows(SETTINGS, "n", HELD, sampled, SERVER))
    assert table["representatives"].startswith("about 1,000,000, 500,000 of them founders")
    assert table["articles"].startswith("about 3,000,000 ")
    assert table["last seen"] == "from 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:21.000Z"


def test_the_columns_of_a_story_are_aligned() -> None:
    """The article column is aligned, and a representative expires a window after it was last seen."""
    found = story.StoryLookup(
        representatives=[representative("second", number=2, source=None), representative("first")], searched=2
    )
    heading, second, first = story.to_lines(STORY, None, found, WINDOW_MS)
    at = heading.index("article")
    assert (second[at:], first[at:]) == ("second", "first (founder)")
    assert second.split() == ["2023-11-14T22:13:20.000Z", "2023-11-21T22:13:20.000Z", "unknown", "1,234", "second"]


def test_control_characters_of_an_id_are_not_printed() -> None:
    """The table shortens an article id and removes control characters; the JSON has the whole id."""
    hostile = "\x1b[2J\n" + "x" * 300
    found = story.StoryLookup(representatives=[representative(hostile)], searched=1)
    _, line = story.to_lines(STORY, None, found, WINDOW_MS)
    assert "\x1b" not in line
    assert "\n" not in line
    assert len(line) < 200
    assert story.to_json(STORY, None, found, WINDOW_MS)["representatives"][0]["article_id"] == hostile


def test_an_article_is_shown_with_both_of_its_stories() -> None:
    """The decision names the story of the event and the present story; without a representative there is no table."""
    nothing = story.StoryLookup(representatives=[], searched=0)
    assert list(story.to_lines(STORY, RECORDED, nothing, WINDOW_MS)) == [
        f"decided at 2023-11-14T22:13:20.000Z: story.variant, near of story {'cd' * 16}",
        f"this story has been merged into story {STORY} since",
    ]
    decision = story.to_json(STORY, RECORDED, nothing, WINDOW_MS)["decision"]
    assert (decision["type"], decision["kind"], decision["story_id"]) == ("story.variant", "near", "cd" * 16)


def test_an_article_without_a_story_is_shown() -> None:
    """The page showed a notice; the story is that of the first page with the notice."""
    recorded = replace(RECORDED, is_article=False, kind=None, published_story_id=STORY)
    nothing = story.StoryLookup(representatives=[], searched=0)
    assert list(story.to_lines(STORY, recorded, nothing, WINDOW_MS)) == [
        "decided at 2023-11-14T22:13:20.000Z: no article, but a notice that other pages show, too; they belong to "
        f"story {STORY}"
    ]
    assert story.to_json(STORY, recorded, nothing, WINDOW_MS)["decision"]["type"] == "no_article"


def test_the_retention_is_that_of_the_index() -> None:
    """The settings of the command hold only for an index that stores none."""
    held = replace(HELD, retention=Retention(window_seconds=3600.0, replay_seconds=60.0))
    assert dict(stats.to_rows(SETTINGS, "n", held, EMPTY, SERVER))["retention"].startswith("stories 3,600 s, ")
    assert stats.to_json(SETTINGS, "n", held, EMPTY, SERVER)["replay_seconds"] == 60.0
    assert stats.to_json(SETTINGS, "n", HELD, EMPTY, SERVER)["window_seconds"] == SETTINGS.index.window_seconds
