"""Load the Lua scripts of lua/, with the files of lua/parts/ that they include."""

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

#: A line `-- @include NAME` is replaced by the text of lua/parts/NAME.lua.
_INCLUDE: Final = re.compile(r"^-- @include (\w+)\n", re.MULTILINE)


class Script:
    """The source of a Lua script, which Redis runs atomically.

    text  content of lua/NAME.lua with its includes
    sha   SHA-1 of the text in hexadecimal, the argument of EVALSHA
    """

    def __init__(self, name: str) -> None:
        folder = files(__package__) / "lua"
        text = (folder / f"{name}.lua").read_text("utf-8")
        parts = folder / "parts"
        self.text = _INCLUDE.sub(lambda include: (parts / f"{include[1]}.lua").read_text("utf-8"), text)
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def script(name: str) -> Script:
    """Return the script lua/NAME.lua; each is read once in a process."""
    return Script(name)
