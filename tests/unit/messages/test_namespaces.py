"""Selection of an article's namespace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.messages.decoder import decode_article
from reprise.messages.namespaces import (
    SINGLE_NAMESPACE,
    NamespaceRule,
    NamespaceSource,
    list_namespaces,
    select_namespace,
)
from reprise.model import Message
from tests.decoder_limits import decoder_limits

BY_LANG = NamespaceRule(base="news", by=NamespaceSource.LANG, values=("en", "pt", "zh"))
BY_FIELD = NamespaceRule(base="news", by=NamespaceSource.FIELD, key="tenant", values=("acme", "b.c"))
BY_HEADER = NamespaceRule(base="news", by=NamespaceSource.HEADER, key="X-Tenant", values=("acme",))


@pytest.mark.parametrize(
    ("lang", "namespace"),
    [
        ("en", "news-en"),
        ("EN", "news-en"),
        (" en-GB ", "news-en"),
        ("pt_BR", "news-pt"),
        ("zh-Hant-TW", "news-zh"),
        ("de", "news"),
        ("english", "news"),
        ("e", "news"),
        ("-en", "news"),
        ("", "news"),
        (None, "news"),
        (7, "news"),
    ],
)
def test_language_is_matched_by_its_primary_subtag(lang: object, namespace: str) -> None:
    """Region, script, case and underscores are ignored; an unlisted language selects the base."""
    assert select_namespace(BY_LANG, {"lang": lang}) == namespace


@pytest.mark.parametrize(
    ("fields", "namespace"),
    [
        ({"tenant": "acme"}, "news-acme"),
        ({"tenant": " ACME\n"}, "news-acme"),
        ({"tenant": "b.c"}, "news-b.c"),
        ({"tenant": "acme-en"}, "news"),
        ({"tenant": "}acme"}, "news"),
        ({"tenant": 7}, "news"),
        ({"tenant": ["acme"]}, "news"),
        ({"Tenant": "acme"}, "news"),
        ({}, "news"),
    ],
)
def test_field_is_matched_as_a_whole(fields: dict[str, object], namespace: str) -> None:
    """Only strings count. Surrounding white space and case are ignored; the field name must match exactly."""
    assert select_namespace(BY_FIELD, fields) == namespace


@pytest.mark.parametrize(
    ("headers", "namespace"),
    [
        ([("x-tenant", b"acme")], "news-acme"),
        ([("X-Tenant", b"other"), ("x-tenant", b" Acme ")], "news-acme"),
        ([("x-tenant", b"acme"), ("X-TENANT", b"other")], "news"),
        ([("x-tenant", b"\xff\xfeacme")], "news"),
        ([("x-tenant", b"")], "news"),
        ([("tenant", b"acme")], "news"),
        ([], "news"),
    ],
)
def test_the_last_header_counts(headers: list[tuple[str, bytes]], namespace: str) -> None:
    """Of a repeated header the last one counts; bytes that are not UTF-8 match no value."""
    assert select_namespace(BY_HEADER, {"tenant": "acme"}, headers) == namespace


@given(st.dictionaries(st.sampled_from(["lang", "tenant"]), st.text() | st.none() | st.integers()), st.binary())
def test_the_namespaces_are_a_closed_set(fields: dict[str, object], header: bytes) -> None:
    """No message creates a namespace that is not in the settings."""
    for namespaces in (SINGLE_NAMESPACE, BY_LANG, BY_FIELD, BY_HEADER):
        assert select_namespace(namespaces, fields, [("x-tenant", header)]) in list_namespaces(namespaces)


def test_an_article_carries_its_namespace() -> None:
    """decode_article passes all JSON fields and headers to the rule, unknown ones too."""
    message = Message(
        topic="t",
        partition=0,
        offset=0,
        key=None,
        value=b'{"text": "a", "lang": "en", "tenant": "b.c"}',
        headers=(("x-tenant", b"acme"),),
    )
    selected = [decode_article(message, decoder_limits(), rule).namespace for rule in (BY_LANG, BY_FIELD, BY_HEADER)]
    assert selected == ["news-en", "news-b.c", "news-acme"]
    assert decode_article(message, decoder_limits()).namespace == "default"
