"""Normalise the source of an article: the site that published it.

Some crawlers name the site, others its host, others the address of the page or of the feed. Spellings of one site must
be one source, because pages of one source share boilerplate.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reprise.messages.urls import registered_domain

#: Size of the cache of normalised hosts, at some 200 bytes each. A crawl of thousands of sites fits.
_CACHED_HOSTS: Final = 16_384

_SCHEME: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
#: A host with at least two labels and without spaces; then perhaps a port and a path.
_HOST: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,63}\.?", re.ASCII)
_HOST_WITH_PATH: Final = re.compile(rf"{_HOST.pattern}(?::\d{{1,5}})?/\S*", re.ASCII)
_WWW: Final = re.compile(r"www\d?\.(?=[^.]+\.)")

#: The address of a feed or of a site's start page is the same for all articles of the site.
_NO_PAGE: Final = re.compile(
    r"(?:https?:)?//[^/?#]*/?(?:index\.\w+)?(?:#.*)?$|[^?#]*(?:\.(?:xml|rss|atom|rdf)|/(?:rss|feeds?|atom))/?(?:[?#].*)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of an article.

    name         the site: a registered domain, a host without `www.`, or a name as the message has it
    page_url     the address of the page, if the message has it as its source
    was_address  whether the message has an address as its source
    """

    name: str
    page_url: str | None = None
    was_address: bool = False


def parse_source(text: str) -> Source:
    """Normalise the source field of a message, which is not blank.

    An address (`https://example.org/a`, `example.org/a`) becomes its registered domain. A host loses `www.` and its
    capital letters. Any other text is the name of the site and stays as it is.
    """
    text = text.strip()
    if _SCHEME.match(text):
        address = f"https:{text}" if text.startswith("//") else text
    elif _HOST_WITH_PATH.fullmatch(text):
        address = f"https://{text}"
    else:
        return Source(name=_normalise_host(text) if "." in text else text)
    domain = registered_domain(address)
    if domain is None:
        return Source(name=text)
    return Source(name=domain, page_url=None if _NO_PAGE.match(address) else address, was_address=True)


@lru_cache(maxsize=_CACHED_HOSTS)
def _normalise_host(text: str) -> str:
    return _WWW.sub("", text.lower().rstrip("."), count=1) if _HOST.fullmatch(text) else text
