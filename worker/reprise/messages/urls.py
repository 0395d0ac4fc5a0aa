"""Canonical form and registered domain of URLs.

Every function is pure: none opens a connection or writes a file, not even to load the public suffix list.
"""

import re
from functools import cache, lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna
from tldextract import TLDExtract

#: Query parameters that track the origin of a visit and never select the page.
TRACKING_PARAMETERS: Final = frozenset(
    {
        "_ga",
        "_gl",
        "at_campaign",
        "at_medium",
        "cmpid",
        "dclid",
        "fbclid",
        "gbraid",
        "gclid",
        "gclsrc",
        "igshid",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "msclkid",
        "ocid",
        "twclid",
        "wbraid",
        "xtor",
        "yclid",
    }
)
_TRACKING_PREFIX: Final = "utm_"

#: Size of the cache of registered domains by host, at some 200 bytes each. A crawl of thousands of sites fits.
_CACHED_HOSTS: Final = 16_384

#: Maximum characters of a DNS name (RFC 1035). Decoding a longer one may be slow.
_MAX_HOST_CHARACTERS: Final = 253

#: Maximum characters of a URL; a longer one is treated as no URL. RFC 9110 recommends that servers support at least
#: 8,000; normalising a URL of 4,000,000 takes 6 s and 750 MB.
MAX_URL_CHARACTERS: Final = 8192

_DEFAULT_PORTS: Final = frozenset({None, 80, 443})

# Characters that need no percent-encoding in a path or in a query (RFC 3986).
_SAFE_IN_PATH: Final = "/!$&'()*+,;=:@~"
_SAFE_IN_QUERY: Final = _SAFE_IN_PATH + "?"
# Percent-encoded delimiters. Decoding them would change the meaning of a URL.
_ENCODED_DELIMITER: Final = re.compile(r"%(?:2[fF]|25|3[fF]|26|3[dD]|2[bB]|23|3[bB])")


def canonical_url(url: str) -> str | None:
    """Return the same form for all spellings of an http(s) URL; None for any other text.

    These differences are removed: http or https, letter case and IDNA encoding of the host, default ports, user names,
    dot segments, fragments, tracking parameters and percent-encoding. `www.` and the order of parameters are kept.
    """
    parts = _split_http_url(url)
    if parts is None:
        return None
    host = _host(parts)
    port = _port(parts)
    if not host or port == 0:
        return None
    authority = f"[{host}]" if ":" in host else host
    if port is not None:
        authority = f"{authority}:{port}"
    query = _normalise_query(parts.query)
    return f"https://{authority}{_normalise_path(parts.path)}{'?' + query if query else ''}"


def registered_domain(url: str) -> str | None:
    """Return the registered domain of an http(s) URL; None if it has no host.

    The private part of the public suffix list counts: "one.blogspot.com" is a registered domain of its own. An IP
    address is returned as it is. A suffix that is not in the list has one label, by the list's default rule.
    """
    parts = _split_http_url(url)
    host = _host(parts) if parts else None
    return _registered_domain(host) if host else None


@lru_cache(maxsize=_CACHED_HOSTS)
def _registered_domain(host: str) -> str:
    if ":" in host:
        return host
    parts = _public_suffixes().extract_str(host)
    if parts.suffix or parts.ipv4:
        return parts.top_domain_under_public_suffix or host
    return ".".join(host.split(".")[-2:])


@cache
def _public_suffixes() -> TLDExtract:
    # The list that ships with tldextract: no download, and no cache on a disk that may be read-only. Loading takes
    # 0.04 s and happens on first use, because most messages have a source field.
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _split_http_url(url: str) -> SplitResult | None:
    if len(url) > MAX_URL_CHARACTERS:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} else None


def _host(parts: SplitResult) -> str | None:
    """Return the host in its ASCII form (IDNA); a host without one in lower case; None if there is no host."""
    try:
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if not host or len(host) > _MAX_HOST_CHARACTERS or any(character.isspace() for character in host):
        return None
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return host


def _port(parts: SplitResult) -> int | None:
    """Return the port; None for a default port, 0 for an invalid one."""
    try:
        port = parts.port
    except ValueError:
        return 0
    return None if port in _DEFAULT_PORTS else port


def _normalise_path(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        dots = segment.replace("%2e", ".").replace("%2E", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(_normalise_encoding(segment, _SAFE_IN_PATH))
    # "/a/b/." and "/a/b/.." end in a directory (RFC 3986, section 5.2.4).
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _normalise_query(query: str) -> str:
    kept = [part for part in query.split("&") if part and not _is_tracking_parameter(part.partition("=")[0])]
    return "&".join(_normalise_encoding(part, _SAFE_IN_QUERY) for part in kept)


def _is_tracking_parameter(name: str) -> bool:
    name = name.lower()
    return name in TRACKING_PARAMETERS or name.startswith(_TRACKING_PREFIX)


def _normalise_encoding(text: str, safe: str) -> str:
    """Percent-encode only the characters that need it. Encoded delimiters stay encoded."""
    pieces = _ENCODED_DELIMITER.split(text)
    delimiters = [delimiter.upper() for delimiter in _ENCODED_DELIMITER.findall(text)]
    recoded = [quote(unquote_to_bytes(piece), safe=safe) for piece in pieces]
    return "".join(piece + delimiter for piece, delimiter in zip(recoded, [*delimiters, ""], strict=True))
