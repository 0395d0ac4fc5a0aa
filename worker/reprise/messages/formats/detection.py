"""Find the preset that fits a message."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reprise.errors import BadMessage
from reprise.messages.field_values import TEXT_FIELDS, read_fields
from reprise.messages.formats.mapping import JOIN, FieldMapping
from reprise.messages.formats.presets import DEFAULT_FORMAT, load_presets
from reprise.model import InputField


def find_format(parsed: Mapping[str, Any]) -> str | None:
    """Return the format that reads most of a message; None if none of them finds a text.

    A format is a preset, or that of an envelope joined with that of the article inside it. The default format wins a
    tie, then the earlier preset.
    """
    scores = {name: score_format(name, parsed) for name in _candidates(parsed)}
    best = max(scores, key=lambda name: (scores[name], name == DEFAULT_FORMAT))
    return best if scores[best] else None


def _candidates(parsed: Mapping[str, Any]) -> Iterator[str]:
    presets = load_presets()
    yield from presets
    for envelope in (preset.name for preset in presets.values() if preset.envelope and not preset.fields):
        try:
            _mapping(envelope).apply(parsed)
        except BadMessage:
            continue
        yield from (f"{envelope}{JOIN}{preset.name}" for preset in presets.values() if preset.fields)


def score_format(name: str, parsed: Mapping[str, Any]) -> int:
    """Return the number of fields that a preset finds in a message; 0 if it finds neither a text nor a page."""
    mapping = _mapping(name)
    if mapping.skips_message(parsed):
        return 0
    try:
        fields = read_fields(mapping.apply(parsed).fields)
    except BadMessage:
        return 0
    if not fields.texts.keys() & TEXT_FIELDS:
        return 0
    found = set(fields.texts)
    if InputField.URL not in found and InputField.SOURCE not in found:
        found.discard(InputField.ID)  # many objects have an id
    return len(found)


@cache
def _mapping(name: str) -> FieldMapping:
    return FieldMapping.build(name)
