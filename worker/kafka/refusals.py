"""Why brokers turn us away: a password that is wrong looks to the client's callers like a broker that is away.

The client (3.0.12) tries again for ever whatever a connection was closed for, and tells the reason to its log alone,
with the exception as an argument. So its log is listened to.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors

#: The client's logger of connections; it tells of each that was lost, at level ERROR.
_LOGGER: Final = logging.getLogger("kafka.net.connection")

#: Reasons that stay until somebody changes the settings or the rights.
_REFUSALS: Final = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthorizationError,
)


class Refusals(logging.Handler):
    """What was heard since listening began.

    refused  the first refusal, None while there is none
    latest   the last reason of any kind that a connection was lost for
    """

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.refused: Exception | None = None
        self.latest: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take the exceptions out of a line of the log."""
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, Exception):
                self.latest = argument
                if self.refused is None and isinstance(argument, _REFUSALS):
                    self.refused = argument

    def start(self) -> None:
        """Begin to listen."""
        _LOGGER.addHandler(self)

    def stop(self) -> None:
        """Listen no more; what was heard stays."""
        _LOGGER.removeHandler(self)


@contextmanager
def listening() -> Iterator[Refusals]:
    """Listen while the block runs."""
    refusals = Refusals()
    refusals.start()
    try:
        yield refusals
    finally:
        refusals.stop()
