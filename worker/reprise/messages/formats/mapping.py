"""Evaluate a preset, and the operator's own expressions, on a message."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import jmespath
import orjson
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from reprise.errors import BadMessage
from reprise.messages.formats.functions import OPTIONS
from reprise.messages.formats.presets import DEFAULT_FORMAT, Preset, load_presets
from reprise.model import DeadLetterReason, InputField

#: Names of fields in an error line.
_MAX_NAMES: Final = 12
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9_.:@#$-]{1,40}")

#: Joins the preset of an envelope and the preset of the article inside it: `cloudevents+trafilatura`.
JOIN: Final = "+"


class MappingError(ValueError):
    """The text of a setting names no preset, no field, or has an invalid expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedMessage:
    """A message after its mapping.

    content  the object inside the envelope, as the message has it
    fields   the fields of the input message, by name; the values have any JSON type
    """

    content: Mapping[str, Any]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """Where the fields of an article are in a message. `build` and `AS_IS` make one.

    name         as REPRISE_INPUT_FORMAT holds it
    skips        expressions of messages to skip, one for each preset
    envelopes    expressions that lead to the object with the fields, outermost first
    expressions  expressions of the fields that have another name than in the input message
    """

    name: str
    skips: Sequence[ParsedResult] = ()
    envelopes: Sequence[ParsedResult] = ()
    expressions: Mapping[str, ParsedResult]

    @classmethod
    def build(cls, format_name: str = DEFAULT_FORMAT, own_fields: str | None = None) -> "FieldMapping":
        """Build the mapping of a preset, or of several that `+` joins, with the operator's own expressions.

        own_fields  the text of REPRISE_INPUT_FIELDS; its expressions replace those of the preset

        Raises MappingError.
        """
        presets = [_preset(name) for name in format_name.split(JOIN)]
        fields: dict[str, str] = {}
        for preset in presets:
            fields |= preset.fields
        fields |= parse_own_fields(own_fields or "")
        return cls(
            name=format_name,
            skips=[compile_expression(preset.skip) for preset in presets if preset.skip],
            envelopes=[compile_expression(preset.envelope) for preset in presets if preset.envelope],
            expressions={name: compile_expression(text) for name, text in fields.items()},
        )

    @property
    def is_identity(self) -> bool:
        """Whether every field has the name of the input message."""
        return not self.expressions and not self.envelopes

    def skips_message(self, parsed: Mapping[str, Any]) -> bool:
        """Return whether a message is to be skipped, as a tombstone is."""
        return any(_search(expression, parsed) is True for expression in self.skips)

    def apply(self, parsed: Mapping[str, Any]) -> MappedMessage:
        """Return the fields of a message. Raises BadMessage if the envelope holds no object."""
        content: Any = parsed
        for envelope in self.envelopes:
            content = _search(envelope, content)
            if not isinstance(content, dict):
                raise BadMessage(
                    DeadLetterReason.NO_TEXT,
                    f"the message has no object where REPRISE_INPUT_FORMAT={self.name} expects the article; "
                    f"its fields are {list_names(parsed)}",
                )
        fields = {
            field.value: _search(self.expressions[field.value], content)
            if field.value in self.expressions
            else content.get(field.value)
            for field in InputField
        }
        return MappedMessage(content=content, fields=fields)


def parse_own_fields(text: str) -> dict[str, str]:
    """Parse the text of REPRISE_INPUT_FIELDS: a JSON object, or `field=expression` separated by `;` or line breaks.

    Raises MappingError.
    """
    pairs = dict(_json_pairs(text) if text.lstrip().startswith("{") else _text_pairs(text))
    known = [field.value for field in InputField]
    for name, expression in pairs.items():
        if name not in known:
            raise MappingError(f"{name!r} is no field of a message; the fields are {', '.join(known)}")
        compile_expression(expression)
    return pairs


def compile_expression(expression: str) -> ParsedResult:
    """Compile a JMESPath expression. Raises MappingError."""
    try:
        compiled = jmespath.compile(expression)
        compiled.search({}, options=OPTIONS)  # the names of functions are resolved by the first search
    except JMESPathError as error:
        if type(error).__name__ == "JMESPathTypeError":  # an argument that the empty object lacks
            return compiled
        raise MappingError(f"invalid JMESPath expression {expression!r}: {' '.join(str(error).split())}") from None
    return compiled


def list_names(parsed: Mapping[str, Any]) -> str:
    """Return the names of a message's fields for an error line.

    Names that may be text of an article, and names beyond the first few, are only counted.
    """
    names = list(islice(filter(_FIELD_NAME.fullmatch, parsed), _MAX_NAMES))
    others = len(parsed) - len(names)
    listed = [*names, f"{others} others"] if others else names
    return ", ".join(listed) or "none"


def _preset(name: str) -> Preset:
    presets = load_presets()
    if name not in presets:
        raise MappingError(f"{name!r} is no input format; the formats are {', '.join(presets)}")
    return presets[name]


def _json_pairs(text: str) -> Iterator[tuple[str, str]]:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MappingError(f"invalid JSON: {error.msg} at character {error.pos}") from None
    for name, expression in parsed.items():
        if not isinstance(expression, str):
            raise MappingError(f"the expression of {name!r} is no string")
        yield name, expression


def _text_pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in filter(str.strip, text.replace("\n", ";").split(";")):
        name, found, expression = part.partition("=")
        if not found or not expression.strip():
            raise MappingError(f"{part.strip()!r} is not of the form FIELD=EXPRESSION")
        yield name.strip(), expression.strip()


def _search(expression: ParsedResult, value: Any) -> Any:
    """Return the value of an expression; None where it cannot be evaluated on this message."""
    try:
        return expression.search(value, options=OPTIONS)
    except JMESPathError:
        return None


#: The mapping of messages whose fields have the documented names.
AS_IS: Final = FieldMapping.build()
