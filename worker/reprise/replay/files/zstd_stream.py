"""Decompress zstd (RFC 8878), with an error for a stream that is cut off: zstandard's own reader ends silently."""

import io
from typing import TYPE_CHECKING, Final

import zstandard

if TYPE_CHECKING:
    from typing_extensions import Buffer  # in collections.abc from Python 3.12 on

#: Compressed bytes that are decompressed at a time. A block of 4 bytes may decompress to 128 KB, so that hostile data
#: takes 32 MB.
_CHUNK_BYTES: Final = 1_024


class ZstdStream(io.RawIOBase):
    """The decompressed bytes of one or several zstd frames. Reading raises EOFError if the last frame is incomplete."""

    def __init__(self, compressed: io.BufferedReader) -> None:
        """Read from `compressed`, which the caller closes."""
        self._compressed = compressed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        #: whether a frame has begun
        self._in_frame = False
        #: decompressed bytes that are not read yet, and compressed bytes after the end of a frame
        self._output = memoryview(b"")
        self._input = b""

    def readable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def readinto(self, buffer: "Buffer", /) -> int:
        """See io.RawIOBase. Raises EOFError, zstandard.ZstdError."""
        while not self._output:
            chunk = self._input or self._compressed.read(_CHUNK_BYTES)
            if not chunk:
                if self._in_frame:
                    raise EOFError("the zstd stream ends before the end of a frame")
                return 0
            self._output = memoryview(self._frame.decompress(chunk))
            self._in_frame = not self._frame.eof
            self._input = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._output))
        target[:count] = self._output[:count]
        self._output = self._output[count:]
        return count
