"""Why brokers turn us away: a password that is wrong looks to the client's callers like a broker that is away.

The client (3.0.12) tries again for ever whatever a connection was closed for, and tells the reason to its log alone,
with the exception as an argument. So its log is listened to. And of what a broker says right before it hangs up the
client hears nothing where both arrive at once, as after a wrong password: so it is made to listen to the end.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import errors
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from reprise import tls_errors

#: The client's logger of connections; it tells of each that was lost, at level ERROR.
_LOGGER: Final = logging.getLogger("kafka.net.connection")


class TlsRefusedError(errors.KafkaError):  # type: ignore[misc] # the client has no types
    """A certificate or a handshake was refused, by us or by the broker; the client has no class for it."""


#: Reasons that stay until somebody changes the settings or the rights.
_REFUSALS: Final = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthorizationError,
)


class ConnectionErrorLog(logging.Handler):
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
                words = tls_errors.refusal(str(argument))
                self.latest = TlsRefusedError(words) if words else argument
                if self.refused is None and isinstance(self.latest, (*_REFUSALS, TlsRefusedError)):
                    self.refused = self.latest

    def start(self) -> None:
        """Begin to listen."""
        _LOGGER.addHandler(self)

    def stop(self) -> None:
        """Listen no more; what was heard stays."""
        _LOGGER.removeHandler(self)


@contextmanager
def captured_errors() -> Iterator[ConnectionErrorLog]:
    """Listen while the block runs."""
    refusals = ConnectionErrorLog()
    refusals.start()
    try:
        yield refusals
    finally:
        refusals.stop()


def _to_the_end(receive: Callable[[Any], tuple[bytes, Any]]) -> Callable[[Any], tuple[bytes, Any]]:
    """Hand out what was received before the connection ended; that it ended is met again at the next look."""

    def received(transport: Any) -> tuple[bytes, Any]:
        data, error = receive(transport)
        return (data, None) if data else (data, error)

    return received


for _transport in (KafkaTCPTransport, KafkaSSLTransport):
    _transport._sock_recv = _to_the_end(_transport._sock_recv)
