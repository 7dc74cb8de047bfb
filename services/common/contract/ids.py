"""Ids of records that have none of their own."""

import uuid

ID_MAX_CHARACTERS = 128

_NAMESPACE = uuid.UUID("6f0f9a5e-5d0c-5a63-9a53-5f6b1d0f2c41")


def record_id(topic: str, partition: int, offset: int) -> str:
    """Return the id of a record without one: uuid5 of its position in Kafka, the same whenever it is read."""
    return str(uuid.uuid5(_NAMESPACE, f"{topic}/{partition}/{offset}"))


def file_namespace(sha256: bytes) -> uuid.UUID:
    """Return the namespace of a file's row ids from the SHA-256 digest (32 bytes) of the file's content."""
    return uuid.uuid5(_NAMESPACE, sha256.hex())


def row_id(namespace: uuid.UUID, row: int) -> str:
    """Return the id of a file's row (1 = first row under the header): the same file gives the same ids."""
    return str(uuid.uuid5(namespace, str(row)))
