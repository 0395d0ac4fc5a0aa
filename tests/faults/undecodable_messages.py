"""Messages that the worker must reject, and the reason that their dead letter must have.

They are made without the code of the worker.
"""

import gzip
from dataclasses import dataclass
from typing import Final

#: Limits of the workers under test. The articles of a load are smaller, and the broker accepts such messages.
MAX_MESSAGE_BYTES: Final = 12_288
MAX_TEXT_CHARACTERS: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class UndecodableMessage:
    """A message and the reason of its dead letter."""

    name: str
    value: bytes
    reason: str


def _messages(reason: str, **values: bytes) -> tuple[UndecodableMessage, ...]:
    return tuple(UndecodableMessage(name=name, value=value, reason=reason) for name, value in values.items())


UNDECODABLE_MESSAGES: Final = (
    *_messages(
        "not_utf8",
        latin_1='{"text": "déjà vu"}'.encode("latin-1"),
        utf_16='{"text": "a"}'.encode("utf-16"),
        overlong=b'{"text": "\xc0\xaf"}',
        surrogate_bytes=b'{"text": "\xed\xa0\x80"}',
        compressed_by_an_unknown_codec=b'\xff\x06\x00\x00sNaPpY\x01\x09\x00\x00\x8b\xd8\xa1\x2e{"text"',
    ),
    *_messages(
        "not_json",
        empty=b"",
        white_space=b" \n\t ",
        byte_order_mark_alone=b"\xef\xbb\xbf",
        an_error_page=b"503 Service Temporarily Unavailable",
        cut_short=b'{"id": "a", "text": "The ferry retur',
        two_articles=b'{"text": "a"}{"text": "b"}',
        single_quotes=b"{'text': 'a'}",
        not_a_number=b'{"text": "a", "score": NaN}',
        half_a_surrogate_pair=b'{"text": "a \\ud83d b"}',
        control_character=b'{"text": "a\x01b"}',
        nested_too_deep=b'{"text": "a", "tree": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        nul=b"\0" * 100,
        damaged_gzip=b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03damaged",
        gzip_cut_short=gzip.compress(b'{"id": "a", "text": "The ferry returned on Monday."}', mtime=0)[:-20],
        damaged_zstd=b"\x28\xb5\x2f\xfddamaged",
    ),
    *_messages(
        "not_an_object",
        null=b"null",
        a_string=b'"The ferry returned to service on Monday."',
        a_number=b"1e3",
        a_list_of_articles=b'[{"id": "a", "text": "a"}]',
    ),
    *_messages(
        "wrong_type",
        number_for_a_text=b'{"id": 7, "text": 7}',
        object_for_a_text=b'{"text": {"blocks": ["a"]}}',
        list_of_objects_for_a_text=b'{"text": [{"block": "a"}]}',
        boolean_for_html=b'{"html": false}',
    ),
    *_messages(
        "no_text",
        nothing_known=b'{"body": "The ferry returned to service on Monday."}',
        blank_text='{"text": " \u00a0\u3000\\n"}'.encode(),
        script_only=b'{"html": "<script>var text = 1;</script>"}',
    ),
    *_messages("id_too_long", id_of_257_bytes='{{"id": "{}x", "text": "a"}}'.format("😀" * 64).encode()),
    *_messages(
        "message_too_large",
        more_bytes_than_allowed=b'{"text": "' + b"a" * MAX_MESSAGE_BYTES + b'"}',
        more_bytes_than_allowed_in_gzip=gzip.compress(b'{"text": "' + b"a" * MAX_MESSAGE_BYTES + b'"}', mtime=0),
    ),
    *_messages("text_too_long", more_characters_than_allowed=b'{"text": "' + b"a " * MAX_TEXT_CHARACTERS + b'"}'),
)
