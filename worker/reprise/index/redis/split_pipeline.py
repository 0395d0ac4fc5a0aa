"""A pipeline of commands that sends the commands first and receives the replies in a later call.

The pipeline of redis-py does both in one call. Here the caller can do other work while the server runs the commands. No
thread is used: after each read from the socket it would wait for Python's global interpreter lock, up to the switch
interval of the interpreter while another thread computes.
"""

from collections.abc import Sequence
from typing import Any, cast

import redis
from redis.exceptions import ResponseError


class SplitPipeline:
    """Commands in flight on a connection of their own. Call exactly one of `receive` or `disconnect`, once.

    Raises the errors of redis-py.
    """

    def __init__(self, client: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> None:
        """Take a connection from the client's pool and send the commands; each is a command name and its arguments."""
        self._pool = client.connection_pool
        self._count = len(commands)
        self._connection = cast("Any", self._pool.get_connection())  # its methods are not typed
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
        except BaseException:
            self.disconnect()
            raise

    def receive(self) -> list[Any]:
        """Return the replies in the order of the commands, and the connection to the pool.

        The reply of a command that failed is its ResponseError.
        """
        try:
            replies = [_read_reply(self._connection) for _ in range(self._count)]
        except BaseException:
            self.disconnect()
            raise
        self._pool.release(self._connection)
        return replies

    def disconnect(self) -> None:
        """Close the connection, so that no later command reads these replies as its own, and return it to the pool."""
        self._connection.disconnect()
        self._pool.release(self._connection)


def _read_reply(connection: Any) -> Any:
    """Return the next reply; a ResponseError if the command failed."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
