"""Map the messages of crawlers, feeds and connectors to the fields of an input message.

presets.toml  the known shapes, as data
mapping.py    evaluate a preset and the operator's own expressions on a message
functions.py  functions that the expressions may call
detection.py  find the preset that fits a message
"""

from reprise.messages.formats.mapping import AS_IS, FieldMapping, MappedMessage, MappingError
from reprise.messages.formats.presets import DEFAULT_FORMAT, Preset, load_presets

__all__ = [
    "AS_IS",
    "DEFAULT_FORMAT",
    "FieldMapping",
    "MappedMessage",
    "MappingError",
    "Preset",
    "load_presets",
]
