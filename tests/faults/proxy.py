"""A TCP proxy between a worker and a server, which can be told to misbehave.

One event loop in a thread of its own. What it is told holds for all its connections from the next bytes on.
"""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from deploy.local.stack import free_port

T = TypeVar("T")

#: Bytes handed on at once.
_CHUNK: Final = 65_536

#: Seconds for the loop to do as told.
_TOLD_SECONDS: Final = 10.0


@dataclass(kw_only=True)
class Proxy:
    """Listens on `port` and hands on to `target`, both on loopback.

    refusing       new connections are closed at once
    swallowing     answers are read and thrown away
    delay_seconds  every chunk is handed on so much later
    swallowed      bytes of answers thrown away so far
    cuts           connections cut in the middle of a request so far
    """

    target: int
    port: int = field(default_factory=free_port)
    refusing: bool = False
    swallowing: bool = False
    delay_seconds: float = 0.0
    swallowed: int = 0
    cuts: int = 0
    _cut_after: int | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        self._server = self._told(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def close(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cut(self) -> None:
        """Close all connections."""
        self._told(self._abort())

    def cut_after(self, request_bytes: int) -> None:
        """Cut the connection whose requests reach so many bytes from now on, once, in the middle of what it sends."""
        self._cut_after = request_bytes

    async def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.refusing:
            to_client.transport.abort()
            return
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            to_client.transport.abort()
            return
        self._open |= {to_client, to_server}
        try:
            await asyncio.gather(self._requests(client, to_server), self._answers(server, to_client))
        except (OSError, EOFError):
            pass
        finally:
            for writer in (to_client, to_server):
                self._open.discard(writer)
                writer.close()

    async def _requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while chunk := await client.read(_CHUNK):
            left = self._cut_after
            if left is not None and len(chunk) >= left:
                self._cut_after = None
                self.cuts += 1
                await self._hand_on(chunk[:left], to_server)
                raise EOFError
            if left is not None:
                self._cut_after = left - len(chunk)
            await self._hand_on(chunk, to_server)
        raise EOFError

    async def _answers(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while chunk := await server.read(_CHUNK):
            if self.swallowing:
                self.swallowed += len(chunk)
            else:
                await self._hand_on(chunk, to_client)
        raise EOFError

    async def _hand_on(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        writer.write(chunk)
        await writer.drain()

    def _told(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_TOLD_SECONDS)
