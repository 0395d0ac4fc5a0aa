"""A pipeline of commands in two halves: sent now, its answers read later.

May live here: what redis-py's own pipeline does at once, cut in the middle, so that the server works while the caller
does something else, without a thread: one that waits for the server would wait for Python's lock as well, at each of
its reads for as long as the interpreter lets the other one run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.exceptions import ResponseError

#: Reads the answers, once, in the order of the commands; what a command failed with stands in its answer's place.
Receive = Callable[[], list[Any]]


def send(client: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> Receive:
    """Send commands on a connection of their own. Both halves raise redis-py's errors, of a server that is away.

    The answers that nobody reads keep the connection until the client is closed.
    """
    connection: Any = client.connection_pool.get_connection()

    def receive() -> list[Any]:
        try:
            return [_answer(connection) for _ in commands]
        except BaseException:
            connection.disconnect()  # the rest of the answers would be taken for the next commands'
            raise
        finally:
            client.connection_pool.release(connection)

    try:
        connection.send_packed_command(connection.pack_commands(commands))
    except BaseException:
        connection.disconnect()
        client.connection_pool.release(connection)
        raise
    return receive


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
