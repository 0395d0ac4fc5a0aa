"""The version of the text step, apart from it so that the index need not import numpy to know it."""

from typing import Final

#: Changes whenever the same text would get another signature or content hash; part of the index's version.
TEXT_VERSION: Final = 2
