"""A strict decoder of the Protocol Buffers wire format, driven by tables (messages.py).

Stricter than the format asks for: a known field must have its declared wire type and fit its
declared type, and a field that is not repeated may come once. No writer of pgcairn does otherwise.
Nesting is limited by the tables themselves, as no message contains itself. Packed repeated fields
are not known here because the tables have none.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

from .errors import ReaderError


class Kind(enum.Enum):
    BOOL = enum.auto()
    UINT32 = enum.auto()
    UINT64 = enum.auto()
    SINT64 = enum.auto()
    FIXED64 = enum.auto()
    BYTES = enum.auto()
    STRING = enum.auto()
    TEXT = enum.auto()  # `bytes` in the .proto: from servers, file systems or people, any encoding
    ENUM = enum.auto()
    MESSAGE = enum.auto()


@dataclass(frozen=True)
class Field:
    """One line of a message in a .proto file. A repeated field becomes a tuple."""

    name: str
    kind: Kind
    repeated: bool = False
    message: Optional[type] = None
    values: Optional[Type[enum.IntEnum]] = None


class Message:
    """Base of the messages: a frozen dataclass with its table of fields by number."""

    FIELDS: ClassVar[Dict[int, Field]]


M = TypeVar("M", bound=Message)

WIRE_VARINT = 0
WIRE_64_BIT = 1
WIRE_BYTES = 2
WIRE_32_BIT = 5

WIRE_TYPES = {
    Kind.BOOL: WIRE_VARINT,
    Kind.UINT32: WIRE_VARINT,
    Kind.UINT64: WIRE_VARINT,
    Kind.SINT64: WIRE_VARINT,
    Kind.ENUM: WIRE_VARINT,
    Kind.FIXED64: WIRE_64_BIT,
    Kind.BYTES: WIRE_BYTES,
    Kind.STRING: WIRE_BYTES,
    Kind.TEXT: WIRE_BYTES,
    Kind.MESSAGE: WIRE_BYTES,
}


def decode(message: Type[M], data: bytes, object_name: str) -> M:
    """The message in data, all of it."""
    single: Dict[str, Any] = {}
    repeated: Dict[str, List[Any]] = {}
    position = 0
    while position < len(data):
        tag, position = _varint(data, position, object_name)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or number >= 1 << 29:
            raise ReaderError(object_name, f"field number {number} in {message.__name__}")
        raw, position = _value(data, position, wire_type, object_name)
        field = message.FIELDS.get(number)
        if field is None:
            continue
        where = f"{message.__name__}.{field.name}"
        if field.repeated:
            value = _typed(raw, wire_type, field, where, object_name)
            repeated.setdefault(field.name, []).append(value)
        else:
            if field.name in single:
                raise ReaderError(object_name, f"{where} comes twice")
            single[field.name] = _typed(raw, wire_type, field, where, object_name)
    return message(**single, **{name: tuple(values) for name, values in repeated.items()})


def _varint(data: bytes, position: int, object_name: str) -> Tuple[int, int]:
    value = 0
    for index in range(10):
        if position + index >= len(data):
            raise ReaderError(object_name, "a message ends inside a number")
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, position + index + 1
    raise ReaderError(object_name, "a number in a message has more than 64 bits")


def _value(data: bytes, position: int, wire_type: int, object_name: str) -> Tuple[Any, int]:
    if wire_type == WIRE_VARINT:
        return _varint(data, position, object_name)
    if wire_type == WIRE_BYTES:
        length, position = _varint(data, position, object_name)
    elif wire_type == WIRE_64_BIT:
        length = 8
    elif wire_type == WIRE_32_BIT:
        length = 4
    else:
        raise ReaderError(object_name, f"wire type {wire_type} in a message")
    if length > len(data) - position:
        raise ReaderError(object_name, "a message ends inside a field")
    return data[position : position + length], position + length


def _typed(raw: Any, wire_type: int, field: Field, where: str, object_name: str) -> Any:
    if wire_type != WIRE_TYPES[field.kind]:
        raise ReaderError(object_name, f"{where} has wire type {wire_type}")
    if field.kind in (Kind.BYTES, Kind.UINT64):
        return raw
    if field.kind is Kind.FIXED64:
        return int.from_bytes(raw, "little")
    if field.kind is Kind.SINT64:
        return (raw >> 1) ^ -(raw & 1)
    if field.kind is Kind.MESSAGE:
        assert field.message is not None
        return decode(field.message, raw, object_name)
    try:
        if field.kind is Kind.STRING:
            return raw.decode("utf-8")
        if field.kind is Kind.TEXT:
            return raw.decode("utf-8", "surrogateescape")
        if field.kind is Kind.ENUM:
            assert field.values is not None
            return field.values(raw)
    except ValueError as error:
        raise ReaderError(object_name, f"{where}: {error}") from error
    if raw >= (2 if field.kind is Kind.BOOL else 1 << 32):
        raise ReaderError(object_name, f"{where} is {raw}, too large for its type")
    return bool(raw) if field.kind is Kind.BOOL else raw
