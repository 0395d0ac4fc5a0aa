"""Read the known fields of a message as text, whatever JSON type a crawler gave them.

Nothing is lost by a conversion: a number becomes its digits, a list of texts becomes one text, a time in seconds
becomes RFC 3339. A value that cannot be read is left out and named, so that it can be counted. `text` and `html` alone
can make a message unreadable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reprise.messages.body import json_type
from reprise.messages.timestamps import format_rfc3339, parse_epoch
from reprise.model import InputField, InputGuess

#: The fields that hold the article's text; the others are optional.
TEXT_FIELDS: Final = frozenset({InputField.TEXT, InputField.HTML})

_TIME_FIELDS: Final = frozenset({InputField.PUBLISHED_AT, InputField.CRAWLED_AT})

#: Fields in which a number is a value, and not a mistake.
_NUMBER_FIELDS: Final = frozenset({InputField.ID, InputField.TITLE, InputField.SOURCE})

#: Separator of the texts of a list, by field. A list in any other field has to hold one text.
_SEPARATORS: Final = {InputField.TEXT: "\n", InputField.HTML: "\n", InputField.TITLE: " "}

#: Numbers from here on are rounded by many producers and parsers, so that two articles would get one id.
_MAX_EXACT_NUMBER: Final = 2**53

#: Texts that programs write for a missing value.
_MISSING: Final = frozenset({"none", "null", "nan", "undefined"})

#: Names of the fields and the fields, in order: looking a member up by its value takes three times as long.
_FIELDS: Final = tuple((each.value, each) for each in InputField)


@dataclass(slots=True, kw_only=True)
class FieldValues:
    """The fields of a message.

    texts    the fields that are neither absent nor blank
    ignored  optional fields that hold something else than text and cannot be converted
    wrong    JSON types of `text` and `html` where they cannot be converted
    guesses  how fields were read that did not have the documented form
    """

    texts: dict[InputField, str] = field(default_factory=dict)
    ignored: list[InputField] = field(default_factory=list)
    wrong: dict[InputField, str] = field(default_factory=dict)
    guesses: list[InputGuess] = field(default_factory=list)

    def ignore(self, name: InputField) -> None:
        """Leave out a field."""
        self.texts.pop(name, None)
        self.ignored.append(name)


def read_fields(record: Mapping[str, Any]) -> FieldValues:
    """Read the known fields of a JSON object. A null or blank field counts as absent."""
    fields = FieldValues()
    for key, name in _FIELDS:
        value = record.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            text = _convert(name, value, fields)
        elif name in TEXT_FIELDS or len(value) > len("undefined") or value.strip().lower() not in _MISSING:
            text = value
        else:
            continue
        if text and not text.isspace():
            fields.texts[name] = text
    return fields


def _convert(name: InputField, value: object, fields: FieldValues) -> str | None:
    """Return a value of another type as text. If that is impossible, note the field and return None."""
    if value in ([], {}):
        return None  # as blank as ""
    text: str | None = None
    guess: InputGuess | None = None
    if isinstance(value, list):
        text, guess = _join(name, value), InputGuess.LIST_JOINED
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text, guess = _number(name, value)
    if text is not None and guess is not None:
        if text:
            fields.guesses.append(guess)
    elif name in TEXT_FIELDS:
        fields.wrong[name] = json_type(value)
    else:
        fields.ignored.append(name)
    return text


def _join(name: InputField, values: list[Any]) -> str | None:
    """Return the texts of a list as one text; None if it holds anything else, or several values of a single one."""
    texts: list[str] = []
    waiting = values[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[::-1]
        elif isinstance(value, str):
            texts.append(value)
        elif value is not None:
            return None
    separator = _SEPARATORS.get(name)
    if separator is None and len(texts) > 1:
        return None
    return (separator or "").join(texts)


def _number(name: InputField, value: float) -> tuple[str | None, InputGuess | None]:
    if name in _TIME_FIELDS:
        milliseconds = parse_epoch(value)
        return (None, None) if milliseconds is None else (format_rfc3339(milliseconds), InputGuess.TIME_FROM_NUMBER)
    if name not in _NUMBER_FIELDS:
        return None, None
    if isinstance(value, float):
        if abs(value) >= _MAX_EXACT_NUMBER:
            return None, None
        value = int(value) if value.is_integer() else value  # 1.0 and 1 are one id
    return str(value), InputGuess.NUMBER_AS_TEXT
