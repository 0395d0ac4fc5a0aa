"""Parse the value of a message as a JSON object.

Some producers compress the values themselves, beside the compression of Kafka's record batches: gzip and zstd are
recognised by their first bytes. Confluent's wire format is a byte 0, the id of a schema in four bytes, and the value.
"""

import gc
import io
import zlib
from collections.abc import Callable
from typing import Any, Final

import orjson
import zstandard

from reprise.errors import BadMessage
from reprise.model import DeadLetterReason

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

#: Bytes of a message above which the garbage collector is stopped while it is parsed.
_LARGE_JSON_BYTES: Final = 65_536

_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"

#: Bits of the window of a zstd frame, at most: 8 MB of memory, which every compressor's default level respects.
_MAX_ZSTD_WINDOW_BITS: Final = 23

#: First byte of Confluent's wire format, before the four bytes of the schema id.
_CONFLUENT_MAGIC: Final = 0
_CONFLUENT_HEADER_BYTES: Final = 5


#: Read a value of Confluent's wire format, from the id of its schema and the bytes after the header. Raises BadMessage.
ReadValue = Callable[[int, bytes], dict[str, Any]]


def confluent_schema_id(value: bytes) -> int | None:
    """Return the id of the schema of a value in Confluent's wire format; None for any other value."""
    if len(value) < _CONFLUENT_HEADER_BYTES or value[0] != _CONFLUENT_MAGIC:
        return None
    return int.from_bytes(value[1:_CONFLUENT_HEADER_BYTES], "big")


def parse_body(value: bytes, max_bytes: int, read_value: ReadValue | None = None) -> dict[str, Any]:
    """Parse a JSON object from a message's value; a byte order mark is skipped.

    read_value  reads values of Confluent's wire format; without it only those whose value is JSON are read

    orjson is strict: it refuses NaN, infinite numbers, nesting beyond 1,024 levels and lone surrogates. Raises
    BadMessage, also if the value is larger than `max_bytes`, compressed or decompressed.
    """
    if len(value) > max_bytes:
        # Of a longer line of a file, one byte more than the limit is kept: its size is unknown.
        size = "more" if len(value) == max_bytes + 1 else f"{len(value)}"
        raise BadMessage(DeadLetterReason.MESSAGE_TOO_LARGE, f"{size} bytes; the limit is {max_bytes}")
    if value.startswith((_GZIP, _ZSTD)):
        value = _decompress(value, max_bytes)
    elif value.startswith(b"\0") and (schema_id := confluent_schema_id(value)) is not None:
        payload = value[_CONFLUENT_HEADER_BYTES:]
        if read_value is not None:
            return read_value(schema_id, payload)
        if payload.startswith(b"{"):  # a value of JSON Schema
            value = payload
    return load_json_object(value)


def load_json_object(value: bytes) -> dict[str, Any]:
    """Parse a JSON object; a byte order mark is skipped. Raises BadMessage."""
    value = value.removeprefix(BYTE_ORDER_MARK)
    try:
        parsed = _load_json(value)
    except orjson.JSONDecodeError as error:
        raise _parse_error(value, error) from None
    if not isinstance(parsed, dict):
        raise BadMessage(
            DeadLetterReason.NOT_AN_OBJECT, f"the value is {json_type(parsed)}; each message is one article"
        )
    return parsed


def _load_json(value: bytes) -> Any:
    """Parse JSON without the garbage collector: it would visit a million nested arrays again and again.

    Four megabytes of `[],` take 0.1 s so, and 1.1 s with it. Raises orjson.JSONDecodeError.
    """
    was_enabled = len(value) > _LARGE_JSON_BYTES and gc.isenabled()
    if was_enabled:
        gc.disable()
    try:
        return orjson.loads(value)
    finally:
        if was_enabled:
            gc.enable()


def _decompress(value: bytes, max_bytes: int) -> bytes:
    """Return the decompressed value, at most `max_bytes`: a small value may decompress to gigabytes."""
    try:
        if value.startswith(_GZIP):
            decompressed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(value, max_bytes + 1)
        else:
            decompressor = zstandard.ZstdDecompressor(max_window_size=1 << _MAX_ZSTD_WINDOW_BITS)
            decompressed = decompressor.stream_reader(io.BytesIO(value)).read(max_bytes + 1)
    except (zlib.error, zstandard.ZstdError):
        decompressed = b""
    if not decompressed:
        codec = "gzip" if value.startswith(_GZIP) else "zstd"
        raise BadMessage(DeadLetterReason.NOT_JSON, f"the value is compressed with {codec}, but damaged")
    if len(decompressed) > max_bytes:
        raise BadMessage(DeadLetterReason.MESSAGE_TOO_LARGE, f"more than {max_bytes} bytes after decompression")
    return decompressed


def json_type(value: object) -> str:
    """Return the JSON type of a value, with its article."""
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _parse_error(value: bytes, error: orjson.JSONDecodeError) -> BadMessage:
    """Distinguish invalid UTF-8 and known formats from other invalid JSON. The detail holds no text of the article."""
    if (schema_id := confluent_schema_id(value)) is not None:
        detail = (
            f"the value begins with byte 0: Confluent's wire format, with schema id {schema_id}; "
            "set REPRISE_SCHEMA_REGISTRY_URL to the address of the registry that has the schema"
        )
        return BadMessage(DeadLetterReason.NOT_JSON, detail)
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as invalid:
        return BadMessage(DeadLetterReason.NOT_UTF8, f"{invalid.reason} at byte {invalid.start}")
    detail = f"{error.msg} at character {error.pos}"
    if value.lstrip()[:1] == b"<":
        detail += "; the value is HTML or XML: put it into the field html of a JSON object"
    return BadMessage(DeadLetterReason.NOT_JSON, detail)
