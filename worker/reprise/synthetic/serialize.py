"""Serialize the messages of a crawl: lines of a file, labels, Kafka records."""

import orjson

from reprise.model import OutputRecord
from reprise.synthetic.crawl import GeneratedArticle
from reprise.synthetic.malformed import MalformedMessage


def serialize_line(message: GeneratedArticle | MalformedMessage, *, with_labels: bool) -> bytes:
    """Return a message as one line, newline included.

    `with_labels` adds the labels `story` and `kind` to an article. A malformed message carries no labels.
    """
    if isinstance(message, MalformedMessage):
        return message.value + b"\n"
    if not with_labels:
        return orjson.dumps(message.article, option=orjson.OPT_APPEND_NEWLINE)
    body = {**message.article, "story": message.story, "kind": message.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def serialize_label(message: GeneratedArticle | MalformedMessage) -> bytes:
    """Return the labels of a message as one JSON line.

    An article has `id`, `story` and `kind`. A malformed message has `dead`, the reason of its dead letter.
    """
    if isinstance(message, MalformedMessage):
        return orjson.dumps({"dead": message.reason.value}, option=orjson.OPT_APPEND_NEWLINE)
    body = {"id": message.article["id"], "story": message.story, "kind": message.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def to_record(message: GeneratedArticle | MalformedMessage, topic: str, *, with_labels: bool) -> OutputRecord:
    """Return a message as a Kafka record. An article's key is its id; a malformed message has no key."""
    key = None if isinstance(message, MalformedMessage) else message.article["id"].encode()
    return OutputRecord(topic=topic, key=key, value=serialize_line(message, with_labels=with_labels)[:-1], headers=())
