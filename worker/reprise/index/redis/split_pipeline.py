"""A pipeline of commands in two halves: sent now, its answers read later.

May live here: what redis-py's own pipeline does at once, cut in the middle, so that the server works while the caller
does something else, without a thread: one that waits for the server would wait for Python's lock as well, at each of
its reads for as long as the interpreter lets the other one run.
"""

from collections.abc import Sequence
from typing import Any, cast

import redis
from redis.exceptions import ResponseError


class SplitPipeline:
    """Commands on a connection of their own, whose answers are to be read or dropped. Raises redis-py's errors."""

    def __init__(self, client: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> None:
        """Send them."""
        self._pool = client.connection_pool
        self._commands = len(commands)
        self._connection = cast("Any", self._pool.get_connection())  # its methods have no types
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
        except BaseException:
            self.drop()
            raise

    def receive(self) -> list[Any]:
        """Read the answers in the order of the commands; what a command failed with stands in its answer's place."""
        try:
            answers = [_answer(self._connection) for _ in range(self._commands)]
        except BaseException:
            self.drop()
            raise
        self._pool.release(self._connection)
        return answers

    def drop(self) -> None:
        """Read nothing more: what comes late must not be taken for the next commands' answers."""
        self._connection.disconnect()
        self._pool.release(self._connection)


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
