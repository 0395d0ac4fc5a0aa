"""A synthetic crawl with known stories: the same bytes for the same options, at steady memory.

    dice.py        chance that repeats itself on every platform
    languages.py   letters and function words of the languages that exist here
    words.py       a vocabulary and sentences out of it
    stories.py     which story is printed again, and how it is changed
    pages.py       sites, and what each wraps around a story
    burst.py       how the rate changes with the hour
    options.py     what may be asked for
    stream.py      the crawl itself
    broken.py      messages among it that nobody can read
    lines.py       lines, labels and records

Pure: no clock, no socket, no file. The command that paces and writes it is reprise/commands/generate.py.
"""

from reprise.synthetic.crawl import GeneratedArticle, crawl
from reprise.synthetic.malformed import MalformedMessage, insert_malformed
from reprise.synthetic.options import Crawl

__all__ = ["Crawl", "GeneratedArticle", "MalformedMessage", "crawl", "insert_malformed"]
