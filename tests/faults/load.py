"""Articles that keep coming while a scenario runs: synthetic, of a seed, each with a trace that no other has.

What is sent is what a crawler sends: stories of their own, reprints word for word and with small edits, pages crawled
again, and now and then a message that cannot be read or a tombstone. What was sent is read from the topic afterwards:
an acknowledgement that got lost on its way says nothing.
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

#: Seconds between two handfuls of articles.
_TICK_SECONDS: Final = 0.1

#: Articles handed to the client and not acknowledged: with the broker away the load waits instead of piling up.
_MOST_PENDING: Final = 500

#: Seconds for the last articles to be acknowledged when the load ends.
_FLUSH_SECONDS: Final = 60.0

#: Stories that are still reprinted: few enough that copies of one meet in different workers at once.
_IN_THE_NEWS: Final = 100

#: Shares of what is sent, the rest being stories of their own.
_REPRINT, _EDITED, _CRAWLED_AGAIN, _BROKEN, _TOMBSTONE = 0.25, 0.15, 0.04, 0.01, 0.01

_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tus", "vel", "dor", "sha", "pin", "gra", "ob", "est")

#: Words of a sentence and sentences of a text: enough that it reads like prose to the worker.
_WORDS, _SENTENCES = 16, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message on its way to the topic."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def text(dice: random.Random) -> str:
    """Return a story of its own: sentences of made-up words."""
    words = ["".join(dice.choices(_SYLLABLES, k=3)) for _ in range(_WORDS * _SENTENCES)]
    return " ".join(" ".join(words[at : at + _WORDS]).capitalize() + "." for at in range(0, len(words), _WORDS))


def articles(seed: int) -> Iterator[Sent]:
    """Give messages without end, the same for the same seed."""
    dice = random.Random(seed)
    news: deque[tuple[str, str]] = deque([("first", text(dice))], maxlen=_IN_THE_NEWS)
    kinds = ("reprint", "edited", "again", "broken", "tombstone", "own")
    weights = (_REPRINT, _EDITED, _CRAWLED_AGAIN, _BROKEN, _TOMBSTONE)
    number = 0
    while True:
        kind = dice.choices(kinds, (*weights, 1 - sum(weights)))[0]
        article_id, told = f"{seed}-{number}", ""
        match kind:
            case "reprint":
                _, told = dice.choice(news)
            case "edited":
                told = _edited(dice.choice(news)[1], dice)
            case "again":
                article_id, told = dice.choice(news)
            case _:
                told = text(dice)
        if kind == "own":
            news.append((article_id, told))
        value = json.dumps({"id": article_id, "source": f"site-{number}.example", "text": told}).encode()
        payload = {"broken": value[:-2], "tombstone": None}.get(kind, value)
        yield traced(article_id.encode(), payload, dice)
        number += 1


def traced(key: bytes, value: bytes | None, dice: random.Random) -> Sent:
    """Give a message a trace context of its own."""
    trace = f"00-{dice.getrandbits(128):032x}-{dice.getrandbits(64):016x}-01"
    return Sent(key=key, value=value, headers=((TRACE, trace.encode()),))


def _edited(told: str, dice: random.Random) -> str:
    words = told.split(" ")
    for place in dice.sample(range(len(words)), 3):
        words[place] = "changed"
    return " ".join(words)


class Load:
    """One thread that produces; `rate` articles a second over the partitions in turn, `most` at most in all."""

    def __init__(
        self, bootstrap_servers: str, topic: str, *, partitions: int, seed: int, rate: float, most: int
    ) -> None:
        self._producer = KafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=5)
        self._topic = topic
        self._partitions = partitions
        self._articles = articles(seed)
        self._a_tick = max(1, round(rate * _TICK_SECONDS))
        self._left = most
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.sent = 0

    def start(self) -> None:
        """Begin to produce."""
        self._thread.start()

    def stop(self) -> None:
        """Return when no more is produced and what was handed over is acknowledged, or given up."""
        self._stopping.set()
        self._thread.join(_FLUSH_SECONDS)
        with suppress(errors.KafkaError):  # the topic says what arrived
            self._producer.flush(timeout=_FLUSH_SECONDS)

    def close(self) -> None:
        """Free the client."""
        self.stop()
        with suppress(errors.KafkaError):  # after an outage of minutes it may hold batches that nobody waits for
            self._producer.close(timeout=1.0)

    def send_now(self, message: Sent, partition: int = 0) -> int:
        """Produce one message besides, and return its offset."""
        future = self._hand_over(message, partition)
        self._producer.flush(timeout=_FLUSH_SECONDS)
        return int(future.get(timeout=_FLUSH_SECONDS).offset)

    def _run(self) -> None:
        pending: deque[FutureRecordMetadata] = deque()
        while self._left > 0 and not self._stopping.wait(_TICK_SECONDS):
            pending = deque(future for future in pending if not future.is_done)
            if len(pending) < _MOST_PENDING:
                for _ in range(min(self._a_tick, self._left)):
                    with suppress(errors.KafkaError):  # away: the next tick sends other articles
                        pending.append(self._hand_over(next(self._articles), self.sent % self._partitions))
                    self.sent += 1
                    self._left -= 1

    def _hand_over(self, message: Sent, partition: int) -> FutureRecordMetadata:
        return self._producer.send(
            self._topic, key=message.key, value=message.value, headers=list(message.headers), partition=partition
        )


@contextmanager
def running_load(
    bootstrap_servers: str, topic: str, *, partitions: int, seed: int, rate: float, most: int
) -> Iterator[Load]:
    """Give a load that is yet to be started; it ends with the context."""
    load = Load(bootstrap_servers, topic, partitions=partitions, seed=seed, rate=rate, most=most)
    try:
        yield load
    finally:
        load.close()
