"""The schema of the input message agrees with the decoder."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reprise.errors import BadMessage
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.model import Article, DeadLetterReason, Message

SCHEMA: Mapping[str, Any] = json.loads(
    files("reprise.messages.schema").joinpath("article.schema.json").read_text("utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)

#: Reasons that no JSON Schema can express: sizes in bytes, limits that settings change, and the text of a page.
BEYOND_THE_SCHEMA = {
    DeadLetterReason.ID_TOO_LONG,
    DeadLetterReason.MESSAGE_TOO_LARGE,
    DeadLetterReason.TEXT_TOO_LONG,
    DeadLetterReason.HTML_UNREADABLE,
    DeadLetterReason.NO_TEXT,
}


def rejection(body: object) -> DeadLetterReason | None:
    """Return the reason for which the decoder rejects a message; None if it accepts the message."""
    try:
        decode(body)
    except BadMessage as error:
        return error.reason
    return None


def decode(body: object) -> Article:
    """Decode a message with the documented limits."""
    message = Message(topic="articles.raw", partition=0, offset=0, key=None, value=json.dumps(body).encode())
    return decode_article(
        message,
        DecoderLimits(message_bytes=1_000_000, text_characters=100_000, id_bytes=256, field_characters=8_192),
    )


def test_the_schema_is_a_schema() -> None:
    """Of draft 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "A ferry returned."}, None),
        ({"html": "<p>A ferry returned.</p>", "text": None}, None),
        ({"text": "A ferry returned.", "url": None, "votes": 3, "title": ""}, None),
        ({"text": "A ferry returned.", "url": "u" * 8_192}, None),
        ({"text": "A ferry returned.", "lang": "l" * 9_000, "crawled_at": "yesterday"}, None),
        ({}, DeadLetterReason.NO_TEXT),
        ({"text": " \n"}, DeadLetterReason.NO_TEXT),
        ({"text": None, "html": ""}, DeadLetterReason.NO_TEXT),
        ({"text": 3}, DeadLetterReason.WRONG_TYPE),
        ({"html": {"p": "A ferry returned."}}, DeadLetterReason.WRONG_TYPE),
        ({"text": "A ferry returned.", "id": "i" * 257}, DeadLetterReason.ID_TOO_LONG),
        ([], DeadLetterReason.NOT_AN_OBJECT),
        ("text", DeadLetterReason.NOT_AN_OBJECT),
    ],
)
def test_schema_and_decoder_reject_the_same_messages(body: object, reason: DeadLetterReason | None) -> None:
    """Every rule of the schema has its reason in the decoder."""
    assert rejection(body) == reason
    assert VALIDATOR.is_valid(body) == (reason is None)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 17},
        {"html": ["p"]},
        {"lang": False},
        *({field: "c" * 8_193} for field in ("url", "source", "title", "published_at")),
    ],
)
def test_the_decoder_notes_what_the_schema_does_not_allow(fields: dict[str, Any]) -> None:
    """A field of another form is converted or left out, and the article says so."""
    body = {"text": "A ferry returned.", **fields}
    assert not VALIDATOR.is_valid(body)
    article = decode(body)
    assert article.guesses or article.ignored


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", " ", "\t\n", "en", "x" * 257, "x" * 8_193]),
    st.text("a é\t\x1f\u200b\ufeff"),
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at", "other"]
        ),
        VALUES,
    )
)
def test_the_decoder_accepts_valid_messages_and_notes_what_it_converts(body: dict[str, Any]) -> None:
    """Except for what no schema expresses."""
    reason = rejection(body)
    if reason is not None:
        assert reason in BEYOND_THE_SCHEMA or not VALIDATOR.is_valid(body)
    elif not VALIDATOR.is_valid(body):
        article = decode(body)
        assert article.guesses or article.ignored
