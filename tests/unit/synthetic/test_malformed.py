"""Test the malformed messages of a crawl: their share, their reasons, and that the articles stay unchanged."""

import json
from collections import Counter

import pytest

from reprise.errors import BadMessage
from reprise.messages.decoder import decode_article
from reprise.model import Message
from reprise.synthetic import CrawlOptions, MalformedMessage, generate_crawl, insert_malformed
from reprise.synthetic.malformed import MALFORMED_REASONS
from reprise.synthetic.serialize import serialize_label, serialize_line, to_record
from tests.decoder_limits import decoder_limits

OPTIONS = CrawlOptions(count=3000, words=40)


def test_the_decoder_rejects_a_malformed_message_for_its_labelled_reason() -> None:
    """The worker's decoder rejects each one with the reason of its label, and every reason occurs."""
    reasons = set()
    for generated in insert_malformed(generate_crawl(OPTIONS), 0.1, 0):
        if not isinstance(generated, MalformedMessage):
            continue
        message = Message(topic="t", partition=0, offset=0, key=None, value=generated.value)
        with pytest.raises(BadMessage) as raised:
            decode_article(message, decoder_limits())
        assert raised.value.reason is generated.reason
        reasons.add(generated.reason)
    assert reasons == set(MALFORMED_REASONS)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.6])
def test_the_share_of_malformed_messages_matches_the_option(share: float) -> None:
    """The share of malformed messages is within 3 % points of the requested one."""
    messages = insert_malformed(generate_crawl(OPTIONS), share, 0)
    counted = Counter(isinstance(message, MalformedMessage) for message in messages)
    assert counted[True] / counted.total() == pytest.approx(share, abs=0.03)


def test_malformed_messages_leave_the_articles_unchanged() -> None:
    """Without its malformed messages the crawl equals one that has none."""
    mixed = insert_malformed(generate_crawl(OPTIONS), 0.3, 0)
    assert [message for message in mixed if not isinstance(message, MalformedMessage)] == list(generate_crawl(OPTIONS))


def test_the_seed_determines_the_malformed_messages() -> None:
    """The same seed inserts the same malformed messages, and another seed inserts others."""
    one, again, other = (list(insert_malformed(generate_crawl(OPTIONS), 0.1, seed)) for seed in (0, 0, 1))
    assert one == again != other


def test_a_malformed_message_is_one_line_and_one_record() -> None:
    """Its line is its bytes, its label is the reason, and its record has no key, since its id is unreadable."""
    for message in insert_malformed(generate_crawl(OPTIONS), 0.1, 0):
        if isinstance(message, MalformedMessage):
            assert serialize_line(message, with_labels=True) == message.value + b"\n"
            assert message.value.strip()
            assert b"\n" not in message.value
            assert json.loads(serialize_label(message)) == {"dead": message.reason.value}
            record = to_record(message, "articles.raw", with_labels=True)
            assert (record.key, record.value) == (None, message.value)
