"""Read values in Confluent's wire format, with the schemas of a Schema Registry.

    registry.py   the schemas that this worker has loaded, and the values that it reads with them
    client.py     fetch schemas from the registry
    avro.py       values of Avro
    protobuf.py   values of Protocol Buffers

The packages of the extra `registry` are imported when a registry is configured.
"""
