"""Permanent TLS failures are distinguished from those that a retry may cure."""

import pytest

from reprise.tls_errors import permanent_tls_failure

VERIFY = "certificate verify failed"
UNVERIFIED = f"[SSL: CERTIFICATE_VERIFY_FAILED] {VERIFY}"


@pytest.mark.parametrize(
    ("error_text", "message"),
    [
        (
            f"Handshake failed: {UNVERIFIED}: certificate has expired (_ssl.c:1006)",
            f"{VERIFY}: certificate has expired",
        ),
        (f"{UNVERIFIED}: Hostname mismatch, not for 'x'. (_ssl.c:1)", f"{VERIFY}: Hostname mismatch, not for 'x'"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate (_ssl.c:2580)", "sslv3 alert bad certificate"),
        ("(1, '[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] certificate required (_ssl.c:2)')", "certificate required"),
        ("[SSL: SSL/TLS_ALERT_UNKNOWN_CA] ssl/tls alert unknown ca (_ssl.c:2)", "ssl/tls alert unknown ca"),
        ("[X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3926)", "key values mismatch"),
        ("[SSL] PEM lib (_ssl.c:3900)", "PEM lib"),
        (
            "Error 1 connecting to localhost:6379. [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006).",
            "wrong version number",
        ),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:1006)", None),
        ("[SSL: TLSV1_ALERT_INTERNAL_ERROR] tlsv1 alert internal error (_ssl.c:1006)", None),
        ("Error 111 connecting to localhost:6379. Connection refused.", None),
    ],
)
def test_permanent_failures_are_found(error_text: str, message: str | None) -> None:
    """A refused certificate is permanent; a server that closes the connection in a handshake may be restarting."""
    assert permanent_tls_failure(error_text) == message
