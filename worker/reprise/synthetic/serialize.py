"""The messages of a crawl as bytes: lines of a file, labels of the gold, records of a topic."""

import orjson

from reprise.model import OutputRecord
from reprise.synthetic.crawl import GeneratedArticle
from reprise.synthetic.malformed import MalformedMessage


def line(message: GeneratedArticle | MalformedMessage, *, with_gold: bool) -> bytes:
    """Write a message as one line, an article with its labels `story` and `kind` where they are asked for."""
    if isinstance(message, MalformedMessage):
        return message.value + b"\n"
    if not with_gold:
        return orjson.dumps(message.article, option=orjson.OPT_APPEND_NEWLINE)
    body = {**message.article, "story": message.story, "kind": message.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def gold_line(message: GeneratedArticle | MalformedMessage) -> bytes:
    """Write the labels alone as one JSON line: id, story, kind; of a broken message why it is binned."""
    if isinstance(message, MalformedMessage):
        return orjson.dumps({"dead": message.reason.value}, option=orjson.OPT_APPEND_NEWLINE)
    body = {"id": message.article["id"], "story": message.story, "kind": message.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def record(message: GeneratedArticle | MalformedMessage, topic: str, *, with_gold: bool) -> OutputRecord:
    """Make the message a record, an article keyed by its id, as producers of the input topic should send it."""
    key = None if isinstance(message, MalformedMessage) else message.article["id"].encode()
    return OutputRecord(topic=topic, key=key, value=line(message, with_gold=with_gold)[:-1], headers=())
