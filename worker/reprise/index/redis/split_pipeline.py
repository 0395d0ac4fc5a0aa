"""Pipelines of commands that send the commands first and receive the replies in a later call.

The pipeline of redis-py does both in one call. Here the caller can do other work while the server runs the commands. No
thread is used: after each read from the socket it would wait for Python's global interpreter lock, up to the switch
interval of the interpreter while another thread computes.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import redis
from redis.exceptions import ResponseError


class OrderedConnection:
    """A connection from a client's pool, kept while replies are in flight. Raises the errors of redis-py.

    The server runs the commands of one connection in the order in which they were sent. So the lookups of a batch see
    the commits of the batch before it, although nothing waits for the replies to those commits.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None  # its methods are not typed
        self._in_flight: deque[SplitPipeline] = deque()

    @property
    def is_idle(self) -> bool:
        """Return whether no reply is in flight; the connection is then back in the pool."""
        return self._connection is None

    def send(self, pipeline: "SplitPipeline", commands: Sequence[tuple[Any, ...]]) -> None:
        """Send the commands of a pipeline behind those in flight."""
        # The check of an idle connection sends PING, whose reply would be taken for that of a command.
        is_first = self._connection is None
        if is_first:
            self._connection = cast("Any", self._pool.get_connection())
        self._in_flight.append(pipeline)
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=is_first)
        except BaseException:
            self.disconnect()
            raise

    def receive_next(self) -> None:
        """Receive the replies of the pipeline that was sent first."""
        pipeline = self._in_flight[0]
        try:
            pipeline.replies = [self._read_reply() for _ in range(pipeline.count)]
        except BaseException:
            self.disconnect()
            raise
        self._in_flight.popleft()
        if not self._in_flight:
            self._release()

    def disconnect(self) -> None:
        """Close the connection and discard the replies in flight: no later command may read them as its own."""
        if self._connection is not None:
            self._in_flight.clear()
            self._connection.disconnect()
            self._release()

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        self._pool.release(connection)

    def _read_reply(self) -> Any:
        """Return the next reply; a ResponseError if the command failed."""
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def is_in_flight(self, pipeline: "SplitPipeline") -> bool:
        """Return whether the replies of a pipeline are still to be received."""
        return pipeline in self._in_flight


class SplitPipeline:
    """Commands in flight on a connection. Call exactly one of `receive` or `disconnect`, once.

    count    number of commands
    replies  replies in the order of the commands, once they are received
    """

    def __init__(self, connection: OrderedConnection, commands: Sequence[tuple[Any, ...]]) -> None:
        """Send the commands; each is a command name and its arguments. Raises the errors of redis-py."""
        self.count = len(commands)
        self.replies: list[Any] | None = None
        self._connection = connection
        connection.send(self, commands)

    def receive(self) -> list[Any]:
        """Return the replies in the order of the commands. Replies to earlier pipelines are received first.

        The reply of a command that failed is its ResponseError. Raises the errors of redis-py.
        """
        while self.replies is None:
            if not self._connection.is_in_flight(self):
                raise redis.ConnectionError("the connection was closed while earlier replies were in flight")
            self._connection.receive_next()
        return self.replies

    def disconnect(self) -> None:
        """Close the connection if the replies are in flight; the pipelines behind this one lose theirs."""
        if self._connection.is_in_flight(self):
            self._connection.disconnect()
