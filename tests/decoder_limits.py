"""Limits of the decoder for tests: the defaults of the settings, unless a test sets another one."""

from reprise.messages.decoder import DecoderLimits
from reprise.settings.groups import LimitSettings


def decoder_limits(**limits: int) -> DecoderLimits:
    """Return the default limits with those given replaced."""
    defaults = LimitSettings()
    return DecoderLimits(
        **{"message_bytes": defaults.max_message_bytes, "text_characters": defaults.max_text_characters} | limits
    )
