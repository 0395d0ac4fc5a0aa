"""Translate the client's exceptions into the two errors that the pipeline distinguishes: Fatal and Unreachable."""

from typing import Final

from kafka import errors

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.model import OutageKind


class TlsRefusedError(errors.KafkaError):  # type: ignore[misc] # the client has no types
    """This side or the broker refused a certificate or a handshake; the client has no class for it."""


#: Errors of a connection that persist until the settings or the rights change.
REFUSALS: Final = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthorizationError,
    TlsRefusedError,
)

#: Errors that a retry cannot resolve: the settings, the rights or the broker must change.
_FATAL: Final = (
    *REFUSALS,
    errors.SecurityDisabledError,
    errors.UnsupportedVersionError,
    errors.UnrecognizedBrokerVersion,
    errors.InvalidTopicError,
    errors.InvalidGroupIdError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidSessionTimeoutError,
    errors.FencedInstanceIdError,
    errors.GroupMaxSizeReachedError,
    errors.NoOffsetForPartitionError,
    errors.LogTruncationError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.InvalidTimestampError,
)

#: Advice that an error's own text lacks.
_ADVICE: Final[dict[type[Exception], str]] = {
    errors.InvalidTimestampError: (
        "the clock of this machine differs from the broker's by more than the topic's message.timestamp.after.max.ms "
        "or message.timestamp.before.max.ms: synchronise both clocks"
    ),
}


#: Errors of a commit during a rebalance; polling completes it.
_REBALANCING: Final = (
    errors.RebalanceInProgressError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.CommitFailedError,
)


def translate_kafka_error(error: Exception, operation: str) -> RepriseError:
    """Return Fatal where a retry cannot help, else Unreachable.

    operation  the operation that failed, as a participle: "committing offsets"
    """
    name, text = type(error).__name__, str(error)
    advice = _ADVICE.get(type(error))
    text = text if name in text else f"{name}: {text}"
    line = f"Kafka, {operation}: {text}{f'; {advice}' if advice else ''}"
    if is_fatal(error):
        return Fatal(line)
    return Unreachable(line, OutageKind.REBALANCING if isinstance(error, _REBALANCING) else OutageKind.UNREACHABLE)


def is_fatal(error: Exception) -> bool:
    """Return whether a retry cannot resolve an exception."""
    return isinstance(error, _FATAL)
