"""The Python reader's tables, wire decoder, frames and scrypt bounds."""

from __future__ import annotations

import random
import struct
from typing import Any, Tuple

import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from mini_repository import proto_descriptors
from reader_example import tables

from pgcairn_format import access_key, messages, wire
from pgcairn_format.access_key import Credentials
from pgcairn_format.blob import BlobFrame, ClusterIds, open_blob
from pgcairn_format.errors import ReaderError

pytestmark = pytest.mark.reader_alone


def test_tables_agree_with_the_proto_files() -> None:
    kinds = {1: "DOUBLE", 4: "UINT64", 6: "FIXED64", 8: "BOOL", 9: "STRING", 11: "MESSAGE"}
    kinds.update({12: "BYTES", 13: "UINT32", 14: "ENUM", 18: "SINT64"})
    stated = {m.name: m for file in proto_descriptors().file for m in file.message_type}
    needed = {"Manifest", "Epoch", "AccessKeyObject", "WalInfo", "LogicalCatalog"}
    assert needed <= tables().keys() <= stated.keys()
    for name, table in tables().items():
        fields = {f.number: f for f in stated[name].field}
        skipped = {"summary"} if name == "WalInfo" else set()
        assert {f.name for f in fields.values()} - skipped == {
            f.name for f in table.FIELDS.values()
        }
        for number, found in table.FIELDS.items():
            field = fields[number]
            kind = "BYTES" if found.kind is wire.Kind.TEXT else found.kind.name
            seen = (found.name, kind, found.repeated)
            assert seen == (field.name, kinds[field.type], field.label == 3), name
            if field.type == 11:
                assert found.message.__name__ == field.type_name.split(".")[-1]
            if field.type == 14:
                enum = next(e for e in stated[name].enum_type if e.name == found_enum(field))
                assert {v.value for v in found.values} == {v.number for v in enum.value}
            optional = field.proto3_optional or (field.type == 11 and field.label != 3)
            assert (getattr(table(), found.name) is None) == optional, found.name


def found_enum(field: Any) -> str:
    return str(field.type_name).rsplit(".", 1)[1]


@pytest.mark.parametrize("parameters", [(40, 8, 1), (21, 8, 1), (10, 1 << 30, 1), (10, 8, 1 << 30)])
def test_scrypt_beyond_its_bounds_is_refused(parameters: Tuple[int, int, int]) -> None:
    access = messages.AccessKeyObject(
        kind=messages.AccessKeyKind.PASSPHRASE,
        scrypt=messages.ScryptParameters(bytes(32), *parameters),
    )
    with pytest.raises(ReaderError, match="scrypt parameter"):
        access_key._private_half(access, Credentials(None, "x"), "key")


def test_scrypt_of_one_gibibyte_is_within_its_bounds() -> None:
    parameters = messages.ScryptParameters(bytes(32), 20, 8, 1)
    assert len(access_key._scrypt(parameters, "x", "key")) == 32


def test_a_frame_that_grows_beyond_its_length_is_refused() -> None:
    ids, key, salt = ClusterIds(bytes(16), bytes(16)), bytes(32), bytes(32)
    aad = bytes(64) + struct.pack("<IHHI", 0, 1, 0, 100)
    for with_size in (True, False):
        compressor = zstandard.ZstdCompressor(write_content_size=with_size)
        for size, fits in ((100, True), (99, False), (101, False), (1 << 28, False)):
            encoded = compressor.compress(bytes(size))
            stored = AESGCM(key).encrypt(bytes(12), encoded, aad)
            frame = BlobFrame(1, 100, len(stored), 0)
            if fits:
                assert open_blob(stored, frame, ids, key, salt, "x") == bytes(100)
                continue
            with pytest.raises(ReaderError):
                open_blob(stored, frame, ids, key, salt, "x")


def test_the_wire_decoder_is_strict() -> None:
    good = messages.PackReference
    for data in (
        b"\x10",
        b"\x10\x80",
        b"\x10" + b"\xff" * 10 + b"\1",
        b"\x10" + b"\xff" * 9 + b"\2",
        b"\x0a\x05abcd",
        b"\x0a\xff\xff\xff\xff\x0fab",
        b"\x08\x01",
        b"\x10\1\x10\2",
        b"\x13\x14",
        b"\0\0",
        b"\x99\x01\0\0",
    ):
        with pytest.raises(ReaderError):
            wire.decode(good, data, "x")
    assert wire.decode(good, b"\x10\x05\xf8\x07\x01\xfa\x07\x01x", "x").length == 5
    with pytest.raises(ReaderError):
        wire.decode(messages.BlobReference, b"\x10" + b"\xff" * 4 + b"\x1f", "x")
    with pytest.raises(ReaderError):
        wire.decode(messages.Manifest, b"\x18\x07", "x")
    with pytest.raises(ReaderError):
        wire.decode(messages.Manifest, b"\x0a\x01\xff", "x")
    # A note may have any encoding.
    assert wire.decode(messages.Manifest, b"\x4a\x01\xff", "x").note == "\udcff"


def test_random_bytes_never_do_more_than_fail() -> None:
    rng = random.Random(3)
    for _ in range(4000):
        try:
            wire.decode(rng.choice(list(tables().values())), rng.randbytes(rng.randrange(60)), "x")
        except ReaderError:
            pass
