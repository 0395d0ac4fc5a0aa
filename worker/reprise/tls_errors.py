"""Find permanent TLS failures, which a retry does not cure, in the error texts of Python and of the clients."""

import re
from typing import Final

#: An OpenSSL error as Python formats it: library, optional reason code, message, and the line in _ssl.c.
_OPENSSL_ERROR: Final = re.compile(
    r"\[(?P<library>SSL|X509)(?:: (?P<reason>[\w/]+))?\] (?P<message>.*?)(?: \(_ssl\.c|$)"
)

#: Reason codes that last until a certificate, a setting or the server is changed. The server sends the alerts.
_PERMANENT: Final = re.compile(
    r"CERTIFICATE|KEY_VALUES|ALERT_(?!INTERNAL_ERROR|USER_CANCELLED)|WRONG_VERSION|UNSUPPORTED"
)


def permanent_tls_failure(error_text: str) -> str | None:
    """Return OpenSSL's message if a certificate or a handshake was refused; None for any other error.

    A connection that closes during the handshake is not permanent: a server that restarts closes it too.
    """
    error = _OPENSSL_ERROR.search(error_text)
    if error is None:
        return None
    reason = error["reason"] or ""
    # An error without a reason code means that a file is not in PEM format.
    permanent = error["library"] == "X509" or not reason or _PERMANENT.search(reason)
    return error["message"].rstrip(".") if permanent else None
