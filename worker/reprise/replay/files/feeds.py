"""Read RSS and Atom files: each entry is an article."""

import io
from typing import Any, Final

from reprise.replay.files.entries import DamagedFile, Entries, encode
from reprise.replay.files.opening import InputFile

#: Bytes of a feed at most, decompressed: it is parsed in memory. Feeds have some 20 to 200 entries.
_MAX_FEED_BYTES: Final = 67_108_864


def read_feed(file: InputFile, max_bytes: int) -> Entries:
    """Yield the entries of a feed. The content of an entry is its text, else its summary.

    Raises DamagedFile if the file is no feed.
    """
    import feedparser  # noqa: PLC0415  # needed for feeds alone; importing it takes 50 ms

    content = file.content.read(_MAX_FEED_BYTES + 1)
    if len(content) > _MAX_FEED_BYTES:
        raise DamagedFile(f"the feed has more than {_MAX_FEED_BYTES:,} bytes")
    # feedparser would open a path or an address; a stream is only read.
    feed = feedparser.parse(io.BytesIO(content))
    if not feed.version and not feed.entries:
        raise DamagedFile("the XML file is neither an RSS nor an Atom feed")
    for number, entry in enumerate(feed.entries, start=1):
        yield number, encode(_fields(entry, feed.feed.get("language")), max_bytes)


def _fields(entry: Any, feed_language: str | None) -> dict[str, Any]:
    contents = [content for content in entry.get("content", ()) if content.get("value")]
    longest: Any = max(contents, key=lambda content: len(content["value"]), default={})
    fields = {
        "id": entry.get("id"),
        "url": entry.get("link"),
        "title": entry.get("title"),
        "text": longest.get("value") or entry.get("summary"),
        "lang": longest.get("language") or entry.get("language") or feed_language,
        "published_at": entry.get("published") or entry.get("updated"),
    }
    return {name: value for name, value in fields.items() if value}
