"""The version of the text step, in a module of its own so that the index can read it without importing numpy."""

from typing import Final

#: Increase it with every change that alters the signature or the content hash of any text. It is part of the version of
#: the index.
TEXT_VERSION: Final = 4
