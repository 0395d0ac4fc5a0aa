"""Read Parquet files: each row is an object whose fields have the names of the columns. Needs pyarrow."""

import io
from typing import Any, Final

from reprise.replay.files.entries import DamagedFile, Entries, encode
from reprise.replay.files.opening import InputFile

#: Rows in memory at a time: 64 pages of 100 KB are some 6 MB.
_BATCH_ROWS: Final = 64

#: Bytes that are read ahead of each column. Without a limit pyarrow reads the columns of a whole row group.
_BUFFER_BYTES: Final = 1_048_576


def read_parquet(file: InputFile, max_bytes: int) -> Entries:
    """Yield the rows of a Parquet file.

    Times become RFC 3339, and binary columns text. Raises DamagedFile.
    """
    # An optional extra; importing it takes 0.3 s.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    if not file.is_regular or not isinstance(file.content.raw, io.FileIO):
        raise DamagedFile("Parquet is read from its end: it must be a file, and not compressed as a whole")
    try:
        rows = ParquetFile(file.path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        number = 0
        for batch in rows.iter_batches(batch_size=_BATCH_ROWS):
            for row in _without_nanoseconds(batch).to_pylist():
                number += 1
                yield number, encode(row, max_bytes)
    except pa.ArrowException as error:
        raise DamagedFile(str(error)) from None


def _without_nanoseconds(batch: Any) -> Any:
    """Return the batch with times in microseconds at the finest: Python's times have no nanoseconds."""
    import pyarrow as pa  # noqa: PLC0415

    for index, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            values = batch.column(index).cast(pa.timestamp("us", column.type.tz), safe=False)
            batch = batch.set_column(index, column.name, values)
    return batch
