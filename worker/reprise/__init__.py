"""Reprise detects new stories and variants of known ones in a stream of news articles."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("reprise")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
