"""Which failures of TLS no second try mends. Python and the clients tell them as text, and the text is what is read.

May live here: words of OpenSSL. May not: sockets, clients, settings.
"""

import re
from typing import Final

#: As Python writes an error of OpenSSL: library, perhaps the reason's name, words, and the line of C it was raised at.
_TOLD: Final = re.compile(r"\[(?P<library>SSL|X509)(?:: (?P<reason>[\w/]+))?\] (?P<words>.*?)(?: \(_ssl\.c|$)")

#: Reasons that stay until somebody changes a certificate, a setting or the server. An alert is the other side's word.
_LASTING: Final = re.compile(
    r"CERTIFICATE|KEY_VALUES|ALERT_(?!INTERNAL_ERROR|USER_CANCELLED)|WRONG_VERSION|UNSUPPORTED"
)


def refusal(told: str) -> str | None:
    """Say in words why a certificate or a handshake was refused; None where the text tells of anything else.

    A connection that ends in mid-handshake is no refusal: servers that restart do that.
    """
    found = _TOLD.search(told)
    if found is None:
        return None
    reason = found["reason"] or ""
    lasting = found["library"] == "X509" or not reason or _LASTING.search(reason)  # without a name: a file is no PEM
    return found["words"].rstrip(".") if lasting else None
