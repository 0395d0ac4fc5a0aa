"""Claims about the broken messages of a crawl: as many as asked for, each for its reason, and no harm to the rest."""

import json
from collections import Counter

import pytest

from reprise.errors import BadMessage
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.model import Message
from reprise.synthetic import CrawlOptions, MalformedMessage, generate_crawl, insert_malformed
from reprise.synthetic.malformed import MALFORMED_REASONS
from reprise.synthetic.serialize import serialize_label, serialize_line, to_record

OPTIONS = CrawlOptions(count=3000, words=40)


def test_a_broken_message_is_binned_for_the_reason_on_its_label() -> None:
    """The worker's own reader refuses every one, and says why as the label does; every reason comes up."""
    met = set()
    for each in insert_malformed(generate_crawl(OPTIONS), 0.1, 0):
        if not isinstance(each, MalformedMessage):
            continue
        message = Message(topic="t", partition=0, offset=0, key=None, value=each.value)
        with pytest.raises(BadMessage) as refused:
            decode_article(message, DecoderLimits())
        assert refused.value.reason is each.reason
        met.add(each.reason)
    assert met == set(MALFORMED_REASONS)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.6])
def test_the_share_of_broken_messages_is_the_one_asked_for(share: float) -> None:
    """Of all messages so many are broken, within 3 % points."""
    counted = Counter(
        isinstance(each, MalformedMessage) for each in insert_malformed(generate_crawl(OPTIONS), share, 0)
    )
    assert counted[True] / counted.total() == pytest.approx(share, abs=0.03)


def test_the_articles_between_them_stay_what_they_are() -> None:
    """Without the broken messages the crawl is the one that has none: no story lacks its founder."""
    mixed = insert_malformed(generate_crawl(OPTIONS), 0.3, 0)
    assert [each for each in mixed if not isinstance(each, MalformedMessage)] == list(generate_crawl(OPTIONS))


def test_the_same_seed_breaks_the_same_messages() -> None:
    """Broken messages are a part of the crawl's bytes, and another seed has others."""
    one, again, other = (list(insert_malformed(generate_crawl(OPTIONS), 0.1, seed)) for seed in (0, 0, 1))
    assert one == again != other


def test_a_broken_message_is_one_line_and_one_record() -> None:
    """Its line is its bytes, its label says why it is binned, and its record has no key, as nobody can read an id."""
    for each in insert_malformed(generate_crawl(OPTIONS), 0.1, 0):
        if isinstance(each, MalformedMessage):
            assert serialize_line(each, with_labels=True) == each.value + b"\n"
            assert each.value.strip()
            assert b"\n" not in each.value
            assert json.loads(serialize_label(each)) == {"dead": each.reason.value}
            made = to_record(each, "articles.raw", with_labels=True)
            assert (made.key, made.value) == (None, each.value)
