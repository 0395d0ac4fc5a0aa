"""Read values of Protocol Buffers: compile the .proto files of the registry, and read messages by their descriptors."""

import base64
import re
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, Final

from reprise.schema_registry.client import FetchedSchema

#: Name of the file of the schema itself.
_MAIN_FILE: Final = "reprise-schema.proto"

#: A descriptor in base64. The text of a .proto file has spaces and semicolons.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}\s*")

#: Bytes of a varint of 32 bits, and message types that are nested in each other, at most.
_MAX_VARINT_BYTES: Final = 5
_MAX_INDEXES: Final = 100


def protobuf_reader(schema: FetchedSchema) -> Callable[[bytes], Any]:
    """Return a function that reads a value of the schema as a JSON object.

    Fields have the names of the .proto file. The function raises the errors of protobuf, or ValueError. Raises
    ValueError if the schema cannot be compiled.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory  # noqa: PLC0415

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(_compile(schema)).file:
        pool.Add(file)
    main = pool.FindFileByName(_MAIN_FILE)
    types = list(main.message_types_by_name.values())

    def read(payload: bytes) -> Any:
        indexes, start = read_indexes(payload)
        descriptor = types[indexes[0]]
        for index in indexes[1:]:
            descriptor = descriptor.nested_types[index]
        message = message_factory.GetMessageClass(descriptor).FromString(payload[start:])
        return json_format.MessageToDict(message, preserving_proto_field_name=True)

    return read


def read_indexes(payload: bytes) -> tuple[list[int], int]:
    """Read the path to the message type: its index in the file, then in the type around it, and so on.

    The number of indexes and each index are varints in zigzag coding; a number of 0 stands for the first type of the
    file. Returns the indexes and the position of the message. Raises ValueError.
    """
    count, position = _read_varint(payload, 0)
    if count == 0:
        return [0], position
    if not 0 < count <= _MAX_INDEXES:
        raise ValueError(f"{count} message indexes")
    indexes = []
    for _ in range(count):
        index, position = _read_varint(payload, position)
        if index < 0:
            raise ValueError("a negative message index")
        indexes.append(index)
    return indexes, position


def _read_varint(payload: bytes, position: int) -> tuple[int, int]:
    """Return a number in zigzag coding and the position after it."""
    encoded = 0
    for count, byte in enumerate(payload[position : position + _MAX_VARINT_BYTES]):
        encoded |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return (encoded >> 1) ^ -(encoded & 1), position + count + 1
    raise ValueError("a message index has no end")


def _compile(schema: FetchedSchema) -> bytes:
    """Return the serialized descriptors of the schema and of all files that it imports.

    A registry has a file as text, or as a descriptor in base64, as the client of Python registers it.
    """
    from confluent_kafka.schema_registry.confluent import meta_pb2  # noqa: PLC0415
    from confluent_kafka.schema_registry.confluent.type import decimal_pb2  # noqa: PLC0415
    from google.protobuf import descriptor_pb2  # noqa: PLC0415
    from google.type import date_pb2  # noqa: PLC0415
    from grpc_tools import protoc  # noqa: PLC0415

    # Files that the schemas of Kafka Connect import, and of which no text is installed.
    built_in = (meta_pb2.DESCRIPTOR, decimal_pb2.DESCRIPTOR)
    descriptors = [descriptor_pb2.FileDescriptorProto.FromString(each.serialized_pb) for each in built_in]
    with tempfile.TemporaryDirectory(prefix="reprise-") as name:
        folder = Path(name)
        for file, text in [*((each.name, each.text) for each in schema.references), (_MAIN_FILE, schema.text)]:
            if _BASE64.fullmatch(text):
                descriptor = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
                descriptor.name = file
                descriptors.append(descriptor)
            else:
                _write(folder, file, text)
        known, output = folder / "reprise-known", folder / "reprise-descriptors"
        known.write_bytes(descriptor_pb2.FileDescriptorSet(file=descriptors).SerializeToString())
        arguments = [
            "protoc",
            f"-I{folder}",
            f"-I{files('grpc_tools') / '_proto'}",  # google/protobuf
            f"-I{Path(date_pb2.__file__).parents[2]}",  # google/type
            f"--descriptor_set_in={known}",
            "--include_imports",
            f"--descriptor_set_out={output}",
            _MAIN_FILE,
        ]
        if protoc.main(arguments) != 0:
            raise ValueError("protoc cannot compile the schema; its messages are on standard error")
        return output.read_bytes()


def _write(folder: Path, file: str, text: str) -> None:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"the schema refers to {file}, which is no name of a file")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, "utf-8")
