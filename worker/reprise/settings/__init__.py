"""The environment, read once, checked all at once, into frozen values.

    groups.py       every variable with its default, meaning and bounds
    checks.py       what may be wrong between them
    environment.py  the environment to Settings, all mistakes at once
    words.py        settings in words, for the help and the mistakes

An empty variable counts as not set; a secret may stand in a file that `..._FILE` names. Nothing here connects to,
opens or starts what a setting names.
"""

from reprise.settings.groups import DeliveryMode, Settings
from reprise.settings.help_text import SettingHelp, describe
from reprise.settings.loader import load

__all__ = ["DeliveryMode", "SettingHelp", "Settings", "describe", "load"]
