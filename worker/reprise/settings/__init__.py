"""Settings: read from the environment and a settings file once, validated together, and frozen.

    groups.py        each setting: variable, default, description, bounds
    types.py         the types of settings and their validators
    cross_checks.py  checks that compare several settings
    loader.py        parse the environment into Settings, or report all errors at once
    config_file.py   read the settings file
    spelling.py      accept the usual spellings of a value
    help_text.py     describe settings for help texts and error lines
    changes.py       the settings that differ from their defaults, and a hash of all

An empty variable counts as unset. A secret may also come from the file that `<variable>_FILE` names. This package
reads files and variables only; it opens no connection.
"""

from reprise.settings.changes import changed_settings, settings_hash
from reprise.settings.groups import Settings
from reprise.settings.help_text import SettingHelp, describe
from reprise.settings.loader import CONFIG_FILE_VARIABLE, load
from reprise.settings.types import DeliveryMode

__all__ = [
    "CONFIG_FILE_VARIABLE",
    "DeliveryMode",
    "SettingHelp",
    "Settings",
    "changed_settings",
    "describe",
    "load",
    "settings_hash",
]
