"""The secret seed of a namespace's signatures, over a real Redis."""

from collections.abc import Iterator
from uuid import uuid4

import orjson
import pytest
import redis

from reprise.bootstrap import article_processor, build_pipeline
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import IndexMismatch, Unreachable
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import LAYOUT_VERSION, meta_key
from reprise.model import FIXED_SEED, Article, EventType, Fingerprint, OutputRecord
from reprise.observability.observers import NullObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from tests.contract.conftest import RETENTION
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource
from tests.contract.texts import RULE, edit_words, make_text

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def open_index(client: redis.Redis, *, has_secret_seed: bool = True, generation: str | None = None) -> RedisIndex:
    return RedisIndex(
        client,
        rule=RULE,
        retention=RETENTION,
        expected_articles=300,
        generation=generation,
        previous=None,
        has_secret_seed=has_secret_seed,
    )


def sign(index: RedisIndex, namespace: str, article_id: str, text: str) -> Fingerprint:
    return fingerprint(Article(article_id=article_id, text=text), RULE, seed=index.seed_of(namespace))


def test_each_namespace_has_a_secret_seed(client: redis.Redis) -> None:
    """Workers of one namespace share its seed. Other namespaces and generations have others."""
    one, other = f"n{uuid4().hex}", f"n{uuid4().hex}"
    first, second, next_generation = open_index(client), open_index(client), open_index(client, generation="g2")
    seeds = {first.seed_of(one), first.seed_of(other), next_generation.seed_of(one)}
    assert len(seeds) == 3
    assert FIXED_SEED not in seeds
    assert (second.seed_of(one), second.seed_of(other)) == (first.seed_of(one), first.seed_of(other))
    assert open_index(client, has_secret_seed=False).seed_of(one) == first.seed_of(one)
    assert open_index(client, has_secret_seed=False).seed_of(f"n{uuid4().hex}") == FIXED_SEED


def test_a_lost_index_is_created_again_with_its_seed(client: redis.Redis) -> None:
    """The signatures in flight stay valid when Redis loses its data."""
    namespace = f"n{uuid4().hex}"
    index = open_index(client)
    seed = index.seed_of(namespace)
    article = sign(index, namespace, "a", make_text(1, 2, 3))
    index.decide(namespace, [article], T0)
    client.delete(*client.scan_iter(f"{{{namespace}}}:*", count=1_000))
    (decision,) = index.decide(namespace, [article], T0 + 1)
    assert decision.type is EventType.NEW
    assert index.seed_of(namespace) == seed == open_index(client).seed_of(namespace)


def test_signatures_with_another_seed_are_refused(client: redis.Redis) -> None:
    """If another worker creates a lost index first, the signatures are made anew before anything is recorded."""
    namespace = f"n{uuid4().hex}"
    index = open_index(client)
    article = sign(index, namespace, "a", make_text(1, 2, 3))
    index.decide(namespace, [article], T0)
    client.delete(*client.scan_iter(f"{{{namespace}}}:*", count=1_000))
    other = open_index(client)
    (founder,) = other.decide(namespace, [sign(other, namespace, "b", make_text(1, 2, 3))], T0)
    with pytest.raises(Unreachable, match="another seed"):
        index.decide(namespace, [sign(index, namespace, "c", edit_words(make_text(1, 2, 3), 4))], T0)
    (variant,) = index.decide(namespace, [sign(index, namespace, "c", edit_words(make_text(1, 2, 3), 4))], T0)
    assert (variant.type, variant.story_id) == (EventType.VARIANT, founder.story_id)


def test_a_pipeline_signs_a_batch_again_with_the_new_seed(client: redis.Redis) -> None:
    """A worker whose index was created again by another one continues by itself, and nothing is lost."""
    settings = load({"REPRISE_NAMESPACE": f"n{uuid4().hex}", "REPRISE_RULE_NOVEL": "0.9"})
    namespace, broker = settings.index.namespace, MemoryBroker()
    broker.create(settings.topics.articles)
    index, stop = open_index(client), StopRequest()
    source = MemorySource(broker, [settings.topics.articles], "group", 10)
    pipeline = build_pipeline(
        settings,
        source=source,
        index=index,
        delivery=AtLeastOnce(MemorySink(broker), source, flush_timeout_seconds=5.0),
        observer=StoppingObserver(stop),
        stop=stop,
        processor=article_processor(settings, seed_of=index.seed_of),
    )
    index.seed_of(namespace)
    client.delete(*client.scan_iter(f"{{{namespace}}}:*", count=1_000))
    other = open_index(client)
    (founder,) = other.decide(namespace, [sign(other, namespace, "b", make_text(1, 2, 3))], T0)
    for number in range(3):
        value = orjson.dumps({"id": f"c{number}", "text": edit_words(make_text(1, 2, 3), 4 + number)})
        broker.append(
            settings.topics.articles,
            OutputRecord(topic=settings.topics.articles, key=None, value=value, headers=()),
        )
    pipeline.clock = lambda: T0 / 1000
    assert pipeline.run()
    events = [orjson.loads(message.value or b"") for message in broker.messages(settings.topics.variants)]
    assert [event["story_id"] for event in events] == [founder.story_id] * 3


class StoppingObserver(NullObserver):
    """Requests a stop after the first batch."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        self._stop.request()


def test_an_index_without_a_seed_is_refused(client: redis.Redis) -> None:
    """The layout before had the public seed. A new generation learns its stories and decisions."""
    namespace = f"n{uuid4().hex}"
    old = open_index(client, has_secret_seed=False)
    (founder,) = old.decide(namespace, [sign(old, namespace, "a", make_text(1, 2, 3))], T0)
    turn_into_layout_2(client, namespace)
    with pytest.raises(IndexMismatch, match=r"layout=2 .*reprise run --warm-up"):
        open_index(client).prepare(namespace)
    new = open_index(client, generation="g2")
    assert new.seed_of(namespace) != FIXED_SEED
    new.learn(namespace, [sign(new, namespace, "a", make_text(1, 2, 3))], T0 + 1).result()
    (variant,) = new.decide(namespace, [sign(new, namespace, "b", edit_words(make_text(1, 2, 3), 4))], T0 + 2)
    assert (variant.type, variant.story_id) == (EventType.VARIANT, founder.story_id)


def turn_into_layout_2(client: redis.Redis, namespace: str) -> None:
    """Rename the keys of an index to those of the layout before, which had no seed."""
    key = meta_key(namespace)
    stored = client.hmget(key, "version", "parameters")
    version, parameters = (value.decode() for value in stored if isinstance(value, bytes))
    client.hset(key, mapping={"version": "0a1b2c", "parameters": parameters.replace(f"={LAYOUT_VERSION} ", "=2 ")})
    client.hdel(key, "seed", "rule")
    for name in list(client.scan_iter(f"{{{namespace}}}:{version}:*", count=1_000)):
        client.rename(name, name.decode().replace(f":{version}:", ":0a1b2c:"))
