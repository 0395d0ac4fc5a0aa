"""Generate a synthetic crawl whose stories are known.

The same options generate the same bytes on every platform. Memory does not grow with the number of articles.

    rng.py          random numbers that are equal on every platform
    languages.py    letters and function words of the seven languages
    vocabulary.py   an invented vocabulary, and sentences made of it
    reprints.py     the stories that are still reprinted, and the changes that a reprint makes
    sites.py        sites, their boilerplate and their page layouts
    burst.py        bursts: periods with a higher rate
    options.py      the options of a crawl and their checks
    crawl.py        the articles in the order of their crawl
    malformed.py    messages that a worker has to reject
    serialize.py    lines of a file, labels and Kafka records

This package uses no clock, socket or file. `reprise/commands/generate.py` limits the rate and writes the output.
"""

from reprise.synthetic.crawl import GeneratedArticle, generate_crawl
from reprise.synthetic.malformed import MalformedMessage, insert_malformed
from reprise.synthetic.options import CrawlOptions

__all__ = ["CrawlOptions", "GeneratedArticle", "MalformedMessage", "generate_crawl", "insert_malformed"]
