"""A TCP proxy between a worker and a server that cuts, delays or drops data.

It runs one event loop in its own thread. A change of its fields applies to all connections from the next bytes on.
"""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from deploy.local.stack import free_port

T = TypeVar("T")

#: Maximum bytes to forward at once.
_CHUNK: Final = 65_536

#: Seconds for the event loop to run a coroutine.
_LOOP_SECONDS: Final = 10.0


@dataclass(kw_only=True)
class Proxy:
    """A proxy that listens on `port` of `host` and forwards to `target`, both on the loopback interface.

    drops_responses  read the server's responses and discard them
    delay_seconds    delay of every chunk
    dropped_bytes    bytes of responses discarded so far
    cuts             connections cut in the middle of a request so far
    """

    target: int
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    drops_responses: bool = False
    delay_seconds: float = 0.0
    dropped_bytes: int = 0
    cuts: int = 0
    _bytes_before_cut: int | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen on the port."""
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        self._server = self._run(asyncio.start_server(self._serve, self.host, self.port))

    def close(self) -> None:
        """Cut all connections and stop listening."""
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
        self._run(self._abort())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cut_after(self, request_bytes: int) -> None:
        """Cut one connection, once, after it has sent this number of bytes from now on: in the middle of a request."""
        self._bytes_before_cut = request_bytes

    async def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            to_client.transport.abort()
            return
        self._open |= {to_client, to_server}
        try:
            await asyncio.gather(self._forward_requests(client, to_server), self._forward_responses(server, to_client))
        except (OSError, EOFError):
            pass
        finally:
            for writer in (to_client, to_server):
                self._open.discard(writer)
                writer.close()

    async def _forward_requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while chunk := await client.read(_CHUNK):
            left = self._bytes_before_cut
            if left is not None and len(chunk) >= left:
                self._bytes_before_cut = None
                self.cuts += 1
                await self._forward(chunk[:left], to_server)
                raise EOFError
            if left is not None:
                self._bytes_before_cut = left - len(chunk)
            await self._forward(chunk, to_server)
        raise EOFError

    async def _forward_responses(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while chunk := await server.read(_CHUNK):
            if self.drops_responses:
                self.dropped_bytes += len(chunk)
            else:
                await self._forward(chunk, to_client)
        raise EOFError

    async def _forward(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        writer.write(chunk)
        await writer.drain()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_LOOP_SECONDS)
