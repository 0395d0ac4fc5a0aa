"""The Lua scripts of lua/, put together from their parts and typed."""

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

_INCLUDE: Final = re.compile(r"^-- @include (\w+)\n", re.MULTILINE)


class Script:
    """One atomic operation: the text of a file in lua/ with its parts, and the digest that Redis knows it by."""

    def __init__(self, name: str) -> None:
        folder = files(__package__) / "lua"
        text = (folder / f"{name}.lua").read_text("utf-8")
        parts = folder / "parts"
        self.text = _INCLUDE.sub(lambda include: (parts / f"{include[1]}.lua").read_text("utf-8"), text)
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def script(name: str) -> Script:
    """Load a script once a process."""
    return Script(name)
