"""Functions that the expressions of a mapping may call, beside those of JMESPath."""

import binascii
from base64 import b64decode
from typing import Any, Final

import jmespath
import orjson
from jmespath.functions import Functions, signature


class MappingFunctions(Functions):  # type: ignore[misc]  # jmespath is published without type information
    """The functions; each name is that of a method without its prefix. A null argument yields null."""

    @signature({"types": ["string", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_before(self, text: str | None, mark: str) -> str | None:
        """Return the part of a text before the last occurrence of `mark`; all of it if there is none."""
        if text is None:
            return None
        before, found, _ = text.rpartition(mark)
        return before if found else text

    @signature({"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_from_json(self, text: str | None) -> Any:
        """Return the value of a text that holds JSON; null if it does not."""
        return None if text is None else _parse(text.encode())

    @signature({"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_from_base64_json(self, text: str | None) -> Any:
        """Return the value of a text that holds JSON in base64; null if it does not."""
        try:
            return None if text is None else _parse(b64decode(text))
        except (binascii.Error, ValueError):
            return None


def _parse(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


OPTIONS: Final = jmespath.Options(custom_functions=MappingFunctions())
