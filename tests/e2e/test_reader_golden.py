"""The Python reader and the vectors of leaves, patches and stream lists that the program's own
tests read as well (src/repository/map/testdata)."""

from __future__ import annotations

import struct
from typing import List, Optional, Tuple

import pytest
from mini_repository import SOURCE
from reader_example import READER_FOLDER  # noqa: F401  (makes the reader's package known)

from pgcairn_format import chunk_leaf, leaf, stream_list
from pgcairn_format.blob import BlobFrame
from pgcairn_format.errors import ReaderError
from pgcairn_format.leaf import Leaf, Patch
from pgcairn_format.packs import BlobReference, PackReference
from pgcairn_format.stream_list import Needs, Root, Stream, StreamKind

pytestmark = pytest.mark.reader_alone

TESTDATA = SOURCE / "src" / "repository" / "map" / "testdata"
ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN = (n * 0x1111111111111111 for n in range(1, 8))


def vector(name: str) -> bytes:
    lines = (TESTDATA / name).read_text().splitlines()
    return bytes.fromhex("".join(line.split("#")[0] for line in lines))


def pack(number: int, length: int) -> PackReference:
    return PackReference(bytes([number]) * 32, length, b"\xa1" * 8, bytes([number + 0x40]) * 32)


PACKS = {11: pack(0x11, 1_000_000), 12: pack(0x12, 2_000_000), 13: pack(0x13, 4_000_000)}
PACKS.update({21: pack(0x21, 3_000_000), 22: pack(0x22, 5_000_000)})
FIRST = BlobReference(PACKS[11], 108, BlobFrame(1, 16384, 5016, 0))
UNUSED = BlobReference(PACKS[12], 4096, BlobFrame(0, 8192, 8208, 2))
THIRD = BlobReference(PACKS[12], 200_000, BlobFrame(1, 12_000, 316, 7))
NEW = BlobReference(PACKS[13], 108, BlobFrame(1, 16384, 9000, 0))
BASE = BlobReference(PACKS[21], 300, BlobFrame(1, 312, 200, 3))


def rows(found: Leaf) -> List[Tuple[Optional[BlobReference], int, int]]:
    return list(zip(found.blob_of, found.place_of, found.fingerprint_of))


def whole() -> Leaf:
    found = leaf.parse(vector("whole_leaf.hex"), "vector")
    assert isinstance(found, Leaf)
    return found


def patch(name: str) -> Patch:
    found = leaf.parse(vector(name), "vector")
    assert isinstance(found, Patch)
    return found


def test_a_whole_leaf() -> None:
    assert whole().blobs == 3
    assert rows(whole()) == [
        (FIRST, 0, ONE), (FIRST, 8192, TWO), (None, 0, THREE), (THIRD, 8192, FOUR),
    ]


def test_a_patch_that_grows() -> None:
    found = patch("growing_patch.hex")
    assert (found.base, found.base_units, found.units) == (BASE, 4, 6)
    assert list(found.which) == [1, 2, 4, 5]
    assert rows(leaf.apply(found, whole(), "vector")) == [
        (FIRST, 0, ONE), (None, 0, THREE), (NEW, 0, FIVE),
        (THIRD, 8192, FOUR), (UNUSED, 0, SIX), (NEW, 8192, SEVEN),
    ]


def test_a_patch_that_cuts() -> None:
    found = patch("cutting_patch.hex")
    assert (found.base, found.base_units, found.units) == (BASE, 4, 2)
    assert rows(leaf.apply(found, whole(), "vector")) == [(FIRST, 0, ONE), (FIRST, 8192, TWO)]


def test_a_leaf_of_chunks() -> None:
    found = chunk_leaf.parse(vector("chunk_leaf.hex"), "vector")
    first = BlobReference(PACKS[11], 108, BlobFrame(1, 16384, 5016, 0))
    assert found.blob_of == [THIRD, first, first]
    assert list(found.place_of) == [9000, 0, 2049]
    assert list(found.length_of) == [3000, 2049, 14335]
    assert found.identity_of == [b"\x11" * 16, b"\x22" * 16, b"\x33" * 16]


def test_a_leaf_of_chunks_is_none_of_pages_and_the_other_way_around() -> None:
    with pytest.raises(ReaderError, match="kind 3"):
        leaf.parse(vector("chunk_leaf.hex"), "vector")
    for name, said in (("whole_leaf.hex", "kind 1"), ("growing_patch.hex", "kind 2")):
        with pytest.raises(ReaderError, match=said):
            chunk_leaf.parse(vector(name), "vector")


def test_a_stream_list() -> None:
    found = stream_list.parse(vector("stream_list.hex"), "vector")
    first = BlobReference(PACKS[22], 108, BlobFrame(1, 404, 250, 0))
    last = BlobReference(PACKS[22], 400, BlobFrame(1, 142, 100, 1))
    assert found.leaves == [(first, 6), (BASE, 4), (last, 1)]
    assert found.data_packs == {b"\x11" * 32: 1_000_000, b"\x13" * 32: 4_000_000}
    assert found.needs == [
        Needs(PACKS[21], [(b"\x13" * 32, 9000), (b"\x11" * 32, 5016)]),
        Needs(None, []),
        Needs(None, [(b"\x11" * 32, 1)]),
    ]
    none = (1 << 32) - 1
    assert found.streams == [
        Stream("base", StreamKind.DIRECTORY, Root.DATA, 0o700, none, 0, 0, -5),
        Stream("base/5", StreamKind.RELATION, Root.DATA, 0o600, 0, 2, 7 * 8192 - 100,
               1_600_000_000_123_456_789),
        Stream("PG_VERSION", StreamKind.FILE, Root.DATA, 0o640, 2, 0, 3,
               1_600_000_000_000_000_000),
        Stream("pg_tblspc/ö", StreamKind.FILE, Root.CONFIGURATION, 0o7777, none, 0, 0, 0),
    ]


def test_a_patch_on_another_leaf_than_its_base_is_refused() -> None:
    with pytest.raises(ReaderError, match="is a patch on a patch"):
        leaf.apply(patch("growing_patch.hex"), patch("cutting_patch.hex"), "vector")
    three = Leaf(3, whole().blob_of[:3], whole().place_of[:3], whole().fingerprint_of[:3])
    with pytest.raises(ReaderError, match="another number of units"):
        leaf.apply(patch("growing_patch.hex"), three, "vector")


def with_blobs(name: str, blobs_at: int, tables_at: int, count: int) -> bytes:
    """The vector with that many blobs more, which no unit needs, behind its own."""
    raw = bytearray(vector(name))
    packs, blobs = struct.unpack_from("<II", raw, blobs_at - 4)
    struct.pack_into("<I", raw, blobs_at, blobs + count)
    end = tables_at + 80 * packs + 24 * blobs
    return bytes(raw[:end]) + bytes(raw[end - 24 : end]) * count + bytes(raw[end:])


def test_a_patch_and_its_base_have_no_more_blobs_than_one_leaf_may() -> None:
    base = leaf.parse(with_blobs("whole_leaf.hex", 20, 24, 40_000), "vector")
    for more, fits in ((25_529, True), (25_530, False)):
        found = leaf.parse(with_blobs("growing_patch.hex", 20, 132, more), "vector")
        if fits:
            assert leaf.apply(found, base, "vector").blobs == 65_534
            continue
        with pytest.raises(ReaderError, match="65535 blobs"):
            leaf.apply(found, base, "vector")


@pytest.mark.parametrize("name", sorted(path.name for path in TESTDATA.glob("*.hex")))
def test_no_part_of_a_vector_and_no_longer_one_is_taken(name: str) -> None:
    raw = vector(name)
    parsers = {"stream_list.hex": stream_list.parse, "chunk_leaf.hex": chunk_leaf.parse}
    parse = parsers.get(name, leaf.parse)
    parse(raw, "vector")
    for length in range(len(raw)):
        with pytest.raises(ReaderError):
            parse(raw[:length], "vector")
    with pytest.raises(ReaderError):
        parse(raw + b"\0", "vector")
