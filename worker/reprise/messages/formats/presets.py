"""Load the presets from presets.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

#: The preset of messages whose fields have the documented names.
DEFAULT_FORMAT: Final = "reprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One shape of messages. The expressions are JMESPath; presets.toml describes them."""

    name: str
    description: str
    skip: str | None = None
    envelope: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@cache
def load_presets() -> Mapping[str, Preset]:
    """Return the presets by name, the default first."""
    text = files("reprise.messages.formats").joinpath("presets.toml").read_text("utf-8")
    return MappingProxyType({name: Preset(name=name, **table) for name, table in tomllib.loads(text).items()})
