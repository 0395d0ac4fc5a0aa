"""A load of synthetic articles during a scenario, generated from a seed. Each has a trace of its own.

The load resembles a crawl: new stories, exact and slightly edited reprints, pages crawled again, pairs of stories that
a later article shows to be one, and a few malformed messages and tombstones. The checker reads the input from the
topic, because a lost acknowledgement does not show whether a message was stored.
"""

import json
import random
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from kafka import KafkaProducer, errors
from kafka.producer.future import FutureRecordMetadata

from tests.faults.checker import TRACE

#: Seconds between two groups of articles.
_TICK_SECONDS: Final = 0.1

#: Maximum number of unacknowledged articles. While the broker is away, the load waits.
_MAX_PENDING: Final = 500

#: Seconds until the last articles are acknowledged at the end of the load.
_FLUSH_SECONDS: Final = 60.0

#: Number of stories that reprints are made of. It is small, so that several workers get copies of one story at once.
_REPRINTED_STORIES: Final = 100

#: Shares of the messages. The rest are new stories.
_REPRINT, _EDITED, _CRAWLED_AGAIN, _MALFORMED, _TOMBSTONE, _PAIR = 0.25, 0.15, 0.04, 0.01, 0.01, 0.12

#: Rewritten reprints of each story of a pair, each of another source and different enough to become a representative.
_REWRITES: Final = 4

#: Words that a rewritten reprint changes.
_REWRITTEN_WORDS: Final = 8

_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tus", "vel", "dor", "sha", "pin", "gra", "ob", "est")

#: Words in a sentence and sentences in a text. The worker takes such a text for prose.
_WORDS, _SENTENCES = 16, 8

#: Sentences that both stories of a pair have: 32 words are less than the 35 of a match.
_COMMON_SENTENCES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadMessage:
    """A message of the load."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def random_text(rng: random.Random) -> str:
    """Return a new story: sentences of made-up words."""
    words = ["".join(rng.choices(_SYLLABLES, k=3)) for _ in range(_WORDS * _SENTENCES)]
    return " ".join(" ".join(words[at : at + _WORDS]).capitalize() + "." for at in range(0, len(words), _WORDS))


def generate_messages(seed: int) -> Iterator[LoadMessage]:
    """Yield messages without end, equal ones for equal seeds."""
    rng = random.Random(seed)
    stories: deque[tuple[str, str]] = deque([("first", random_text(rng))], maxlen=_REPRINTED_STORIES)
    pairs = _texts_of_pairs(rng)
    kinds = ("reprint", "edited", "again", "malformed", "tombstone", "pair", "new")
    weights = (_REPRINT, _EDITED, _CRAWLED_AGAIN, _MALFORMED, _TOMBSTONE, _PAIR)
    number = 0
    while True:
        kind = rng.choices(kinds, (*weights, 1 - sum(weights)))[0]
        article_id, text = f"{seed}-{number}", ""
        match kind:
            case "reprint":
                _, text = rng.choice(stories)
            case "edited":
                text = _edit(rng.choice(stories)[1], rng)
            case "again":
                article_id, text = rng.choice(stories)
            case "pair":
                text = next(pairs)
            case _:
                text = random_text(rng)
        if kind == "new":
            stories.append((article_id, text))
        value = json.dumps({"id": article_id, "source": f"site-{number}.example", "text": text}).encode()
        payload = {"malformed": value[:-2], "tombstone": None}.get(kind, value)
        yield with_trace(article_id.encode(), payload, rng)
        number += 1


def with_trace(key: bytes, value: bytes | None, rng: random.Random) -> LoadMessage:
    """Return a message with a trace context of its own."""
    trace = f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"
    return LoadMessage(key=key, value=value, headers=((TRACE, trace.encode()),))


def _texts_of_pairs(rng: random.Random) -> Iterator[str]:
    """Yield the texts of one pair of stories after the other: rewrites of each, one with half of each, copies.

    Both stories end with the same sentences, too few for a match and enough for a merge.
    """
    while True:
        ending = ". ".join(random_text(rng).split(". ")[:_COMMON_SENTENCES])
        pair = f"{random_text(rng)} {ending}.", f"{random_text(rng)} {ending}."
        for text in pair:
            yield text
            yield from (_edit(text, rng, _REWRITTEN_WORDS) for _ in range(_REWRITES))
        halves = [sentence for text in pair for sentence in text.split(". ")[: _SENTENCES // 2]]
        yield ". ".join(halves) + "."
        yield from (rng.choice(pair) for _ in range(2))
        yield from (_edit(text, rng) for text in pair)


def _edit(text: str, rng: random.Random, count: int = 3) -> str:
    words = text.split(" ")
    for position in rng.sample(range(len(words)), count):
        words[position] = "changed"
    return " ".join(words)


class LoadGenerator:
    """A thread that produces `rate` articles per second in turn to all partitions, `max_articles` in total."""

    def __init__(
        self, bootstrap_servers: str, topic: str, *, partitions: int, seed: int, rate: float, max_articles: int
    ) -> None:
        self._producer = KafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=5)
        self._topic = topic
        self._partitions = partitions
        self._messages = generate_messages(seed)
        self._articles_per_tick = max(1, round(rate * _TICK_SECONDS))
        self._left = max_articles
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._sent = 0

    def start(self) -> None:
        """Start to produce."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to produce, and wait until all messages are acknowledged or have failed."""
        self._stopping.set()
        self._thread.join(_FLUSH_SECONDS)
        with suppress(errors.KafkaError):  # the topic shows which messages were stored
            self._producer.flush(timeout=_FLUSH_SECONDS)

    def close(self) -> None:
        """Stop and close the client."""
        self.stop()
        with suppress(errors.KafkaError):  # after a long outage it may still have batches that are not needed
            self._producer.close(timeout=1.0)

    def produce(self, message: LoadMessage, partition: int = 0) -> int:
        """Produce one more message and return its offset."""
        future = self._send(message, partition)
        self._producer.flush(timeout=_FLUSH_SECONDS)
        return int(future.get(timeout=_FLUSH_SECONDS).offset)

    def _run(self) -> None:
        pending: deque[FutureRecordMetadata] = deque()
        while self._left > 0 and not self._stopping.wait(_TICK_SECONDS):
            pending = deque(future for future in pending if not future.is_done)
            if len(pending) < _MAX_PENDING:
                for _ in range(min(self._articles_per_tick, self._left)):
                    with suppress(errors.KafkaError):  # the broker is away: the next tick sends other articles
                        pending.append(self._send(next(self._messages), self._sent % self._partitions))
                    self._sent += 1
                    self._left -= 1

    def _send(self, message: LoadMessage, partition: int) -> FutureRecordMetadata:
        return self._producer.send(
            self._topic, key=message.key, value=message.value, headers=list(message.headers), partition=partition
        )


@contextmanager
def running_load(
    bootstrap_servers: str, topic: str, *, partitions: int, seed: int, rate: float, max_articles: int
) -> Iterator[LoadGenerator]:
    """Yield a load that is not started yet, and close it with the context."""
    load = LoadGenerator(
        bootstrap_servers, topic, partitions=partitions, seed=seed, rate=rate, max_articles=max_articles
    )
    try:
        yield load
    finally:
        load.close()
