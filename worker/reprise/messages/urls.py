"""URLs as identities: one form for all spellings of an address, and the site that an address belongs to.

May live here: pure functions on URLs. Nothing opens a connection or writes a file, not for the public suffixes either.
"""

import re
from functools import cache, lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna
from tldextract import TLDExtract

#: Query parameters that say how a reader came to a page, never which page it is.
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

#: Hosts whose site is remembered, some 200 bytes each: more than a crawl of thousands of sites needs.
_SITES_REMEMBERED: Final = 16_384

#: Characters of a name in the DNS. A longer one is no host, and decoding it may be slow.
_MAX_HOST_CHARACTERS: Final = 253

#: Characters of an address; a longer one is none. Servers take 8,000 (RFC 9110 asks for that), and putting one of
#: 4,000,000 in order takes 6 s and 750 MB.
MAX_URL_CHARACTERS: Final = 8192

_DEFAULT_PORTS: Final = frozenset({None, 80, 443})

# What may stand in a path or query as it is (RFC 3986): everything else is percent-encoded.
_SAFE_IN_PATH: Final = "/!$&'()*+,;=:@~"
_SAFE_IN_QUERY: Final = _SAFE_IN_PATH + "?"
_PERCENT: Final = re.compile(r"%(?:2[fF]|25|3[fF]|26|3[dD]|2[bB]|23|3[bB])")


def canonical_url(url: str) -> str | None:
    """Return one spelling for all spellings of an http(s) address, or None where `url` is none.

    Scheme (http and https are one), letter case and coding of the host, default ports, user names, dot segments,
    fragments, tracking parameters and percent-encoding make no difference. The order of parameters does, and `www.`.
    """
    parts = _http_parts(url)
    if parts is None:
        return None
    host = _host(parts)
    port = _port(parts)
    if not host or port == 0:
        return None
    authority = f"[{host}]" if ":" in host else host
    if port is not None:
        authority = f"{authority}:{port}"
    query = _query(parts.query)
    return f"https://{authority}{_path(parts.path)}{'?' + query if query else ''}"


def registered_domain(url: str) -> str | None:
    """Return the site of an http(s) address: the domain that somebody registered, or None where there is no host.

    A blog under a shared domain ("one.blogspot.com") is a site of its own, and so is an IP address. Where the list
    knows no suffix, its default rule holds: the last label is one.
    """
    parts = _http_parts(url)
    host = _host(parts) if parts else None
    return _site(host) if host else None


@lru_cache(maxsize=_SITES_REMEMBERED)
def _site(host: str) -> str:
    if ":" in host:
        return host
    found = _suffixes().extract_str(host)
    if found.suffix or found.ipv4:
        return found.top_domain_under_public_suffix or host
    return ".".join(host.split(".")[-2:])


@cache
def _suffixes() -> TLDExtract:
    # The list that comes with the package: neither fetched nor kept on disk, which may be read-only. Built on first
    # use, in 0.04 s, because most streams name their sources.
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _http_parts(url: str) -> SplitResult | None:
    if len(url) > MAX_URL_CHARACTERS:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} else None


def _host(parts: SplitResult) -> str | None:
    """Return the host in its ASCII form; a host that has none, as it came in lower case."""
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
    """Return the port, None for a default one, 0 for one that cannot be."""
    try:
        port = parts.port
    except ValueError:
        return 0
    return None if port in _DEFAULT_PORTS else port


def _path(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(_recode(segment, _SAFE_IN_PATH))
    # "/a/b/." and "/a/b/.." name a folder
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    kept = [part for part in query.split("&") if part and not _is_tracking(part.partition("=")[0])]
    return "&".join(_recode(part, _SAFE_IN_QUERY) for part in kept)


def _is_tracking(name: str) -> bool:
    name = name.lower()
    return name in TRACKING_PARAMETERS or name.startswith(_TRACKING_PREFIX)


def _recode(text: str, safe: str) -> str:
    """Percent-encode what must be, decode what need not be; an encoded delimiter is another thing than a plain one."""
    pieces = _PERCENT.split(text)
    delimiters = [found.upper() for found in _PERCENT.findall(text)]
    coded = [quote(unquote_to_bytes(piece), safe=safe) for piece in pieces]
    return "".join(piece + delimiter for piece, delimiter in zip(coded, [*delimiters, ""], strict=True))
