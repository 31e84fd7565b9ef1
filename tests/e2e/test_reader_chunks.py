"""The Python reader and streams of chunks: their leaves and stream lists by hand, and whole ones in
repositories (mini_chunks.py)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Callable, List

import pytest
from logical_example import BACKUP, LogicalExample
from mini_chunks import ChunkStream, cut
from reader_example import run_reader
from test_reader_golden import vector

from pgcairn_format import chunk_leaf, stream_list
from pgcairn_format.errors import ReaderError
from pgcairn_format.manifest import open_manifest, read_references
from pgcairn_format.stream_list import Root, Stream, StreamKind

pytestmark = pytest.mark.reader_alone

# Leaves. Where the columns of the vector lie: three chunks, two packs, two blobs.

PACKS_AT, BLOBS_AT, INDEXES_AT, PLACES_AT, LENGTHS_AT = 24, 184, 232, 238, 250

WRONG_LEAVES = {
    "another magic": (0, b"PGSL", "is not a map leaf"),
    "another version": (4, b"\2", "has version 2, kind 3"),
    "a leaf of pages": (6, b"\1", "kind 1, identities 3"),
    "another identity algorithm": (7, b"\1", "kind 3, identities 1"),
    "a unit size": (8, struct.pack("<I", 8192), "a damaged field"),
    "no chunks": (12, struct.pack("<I", 0), "has 0 chunks"),
    "too many chunks": (12, struct.pack("<I", 4097), "has 4097 chunks"),
    "a chunk more than there is": (12, struct.pack("<I", 4), "does not fit its counts"),
    "a pack more than there is": (16, struct.pack("<I", 3), "does not fit its counts"),
    "as many packs as can be said": (16, b"\xff" * 4, "does not fit its counts"),
    "too many blobs": (20, struct.pack("<I", 65_535), "in 65535 blobs"),
    "a pack without bytes": (PACKS_AT + 32, bytes(8), "a pack of 0 bytes"),
    "a blob in no pack": (BLOBS_AT, struct.pack("<I", 2), "refers to pack 2 of 2"),
    "a blob past its pack": (BLOBS_AT + 4, b"\xff" * 4, "a blob that cannot be"),
    "a blob that is too large": (BLOBS_AT + 12, struct.pack("<I", (1 << 20) + 1), "cannot be"),
    "a blob with a number": (BLOBS_AT + 22, b"\1", "a damaged blob reference"),
    "an unknown blob": (INDEXES_AT, struct.pack("<H", 2), "chunk 0 has a place that cannot be"),
    "zeros": (INDEXES_AT, struct.pack("<H", 65_535), "chunk 0 has a place that cannot be"),
    "a place too far by one": (PLACES_AT + 8, struct.pack("<I", 2050), "chunk 2 has a place"),
    "the last place": (PLACES_AT + 4, b"\xff" * 4, "chunk 1 has a place that cannot be"),
    "a length too large by one": (LENGTHS_AT, struct.pack("<I", 3001), "chunk 0 has a place"),
    "no length": (LENGTHS_AT, struct.pack("<I", 0), "chunk 0 has 0 bytes, which cannot be"),
    "a length above any": (LENGTHS_AT, struct.pack("<I", 16_385), "chunk 0 has 16385 bytes"),
}


@pytest.mark.parametrize("what", WRONG_LEAVES)
def test_a_leaf_that_cannot_be_is_refused(what: str) -> None:
    offset, data, said = WRONG_LEAVES[what]
    with pytest.raises(ReaderError, match=said):
        chunk_leaf.parse(changed(vector("chunk_leaf.hex"), offset, data), "vector")


def changed(raw: bytes, offset: int, data: bytes) -> bytes:
    return raw[:offset] + data + raw[offset + len(data) :]


def test_the_longest_chunk_and_the_shortest_are_taken() -> None:
    for length in (16_384, 1):
        raw = changed(vector("chunk_leaf.hex"), LENGTHS_AT + 4, struct.pack("<I", length))
        assert list(chunk_leaf.parse(raw, "vector").length_of) == [3000, length, 14_335]


# Stream lists.

NONE = (1 << 32) - 1
# kind, root, mode, first leaf, first entry, length of the path, leaves, size, and four that are 0
GOOD = [4, 2, 0, 1, 0, 1, 2, 5000, 0, 0, 0]


def list_of(*rows: List[int]) -> bytes:
    """Streams a, b, ... over three leaves, of 7 chunks each, in one pack."""
    raw = b"PGSL" + struct.pack("<HHIII", 2, 0, len(rows), 1, 3)
    raw += struct.pack("<III", len(rows), 0, 0)
    raw += struct.pack("<32sQ8s32s", b"\x11" * 32, 1_000_000, b"\xa1" * 8, b"\x51" * 32)
    for number in range(3):
        raw += struct.pack("<IIIIIHH", 0, 108 + 200 * number, 200, 300, number, 1, 7)
    raw += struct.pack("<II", NONE, 0) * 3
    raw += b"".join(struct.pack("<BBHIHHIQqQq", *row) for row in rows)
    return raw + bytes(range(97, 97 + len(rows)))


def with_columns(**columns: int) -> List[int]:
    names = ["kind", "root", "mode", "leaf", "entry", "path", "leaves", "size"]
    names += ["modified", "inode", "changed"]
    return [columns.get(name, value) for name, value in zip(names, GOOD)]


def test_streams_of_chunks_beside_one_without_bytes() -> None:
    empty = with_columns(leaf=NONE, leaves=0, size=0)
    found = stream_list.parse(list_of(GOOD, empty, with_columns(leaf=0, leaves=1)), "list").streams
    assert found == [
        Stream("a", StreamKind.CHUNKS, Root.DATABASE, 0, 1, 0, 5000, 0, 2),
        Stream("b", StreamKind.CHUNKS, Root.DATABASE, 0, NONE, 0, 0, 0, 0),
        Stream("c", StreamKind.CHUNKS, Root.DATABASE, 0, 0, 0, 5000, 0, 1),
    ]


WRONG_STREAMS = {
    "chunks below the data directory": ({"root": 0}, "has kind 4 and root 0"),
    "chunks outside of it": ({"root": 1}, "has kind 4 and root 1"),
    "a file of a database": ({"kind": 2, "leaves": 0}, "has kind 2 and root 2"),
    "a directory of a database": ({"kind": 3, "leaves": 0}, "has kind 3 and root 2"),
    "an unknown kind": ({"kind": 5}, "has kind 5 and root 2"),
    "an unknown root": ({"root": 3}, "has kind 4 and root 3"),
    "a file with a number of leaves": ({"kind": 2, "root": 0}, "has a damaged entry"),
    "a beginning within a leaf": ({"entry": 1}, "entry 1 of 2 leaves from 1 on, which cannot"),
    "no leaves": ({"leaves": 0}, "of 0 leaves from 1 on, which cannot be"),
    "a leaf more than there is": ({"leaves": 3}, "of 3 leaves from 1 on, which cannot be"),
    "as many leaves as can be said": ({"leaves": NONE}, "leaves from 1 on, which cannot be"),
    "a leaf past the table": ({"leaf": 3, "leaves": 1}, "1 leaves from 3 on, which cannot be"),
    "leaves without bytes": ({"size": 0}, "of 2 leaves from 1 on, which cannot be"),
    "bytes without leaves": ({"leaf": NONE, "leaves": 0}, "0 leaves from 4294967295 on"),
    "leaves of nothing": ({"size": 0, "leaf": NONE}, "of 2 leaves from 4294967295 on"),
    "a place of nothing": ({"size": 0, "leaf": 0, "leaves": 0}, "of 0 leaves from 0 on"),
    "an entry of nothing": ({"size": 0, "leaf": NONE, "leaves": 0, "entry": 1}, "entry 1 of 0"),
    "a size that no file has": ({"size": 1 << 63}, "has a damaged entry"),
    "a mode": ({"mode": 0o600}, "has a damaged entry"),
    "a time": ({"modified": -1}, "has a damaged entry"),
    "an inode": ({"inode": 5}, "has a damaged entry"),
    "a time of change": ({"changed": 1}, "has a damaged entry"),
}


@pytest.mark.parametrize("what", WRONG_STREAMS)
def test_a_stream_that_cannot_be_is_refused(what: str) -> None:
    columns, said = WRONG_STREAMS[what]
    with pytest.raises(ReaderError, match=said):
        stream_list.parse(list_of(GOOD, with_columns(**columns)), "list")


# Whole streams.


@pytest.mark.parametrize("blob_raw, leaf_chunks", [(300, 1), (3000, 5), (1 << 20, 4096)])
def test_streams_come_back_byte_for_byte(tmp_path: Path, blob_raw: int, leaf_chunks: int) -> None:
    example = LogicalExample(tmp_path, blob_raw=blob_raw, leaf_chunks=leaf_chunks)
    assert example.read() == example.streams
    sizes = [len(chunk) for stream in example.streams for chunk in cut(stream.data)]
    assert len(sizes) > 200 and len(set(sizes)) > 50


def test_a_chunk_of_the_longest_kind_comes_back(tmp_path: Path) -> None:
    zeros = ChunkStream("rows/5/0", bytes(40_000))
    assert max(len(chunk) for chunk in cut(zeros.data)) == 16_384
    example = LogicalExample(tmp_path, change=lambda streams: streams.append(zeros))
    assert example.read()[-1] == zeros


def test_chunks_of_an_older_backup_are_read_where_they_are(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    newer = "20240102_020000-0100"
    streams = [
        ChunkStream(stream.path, stream.data[:500] + b"new" + stream.data[500:])
        for stream in example.streams
    ]
    example.mini.add_logical_backup(newer, streams, base=BACKUP)
    assert example.read(newer) == streams
    assert example.read(BACKUP) == example.streams
    cluster = example.open()
    older, own = (
        read_references(cluster, open_manifest(cluster, name)).keys() for name in (BACKUP, newer)
    )
    assert older & own and own - older
    assert run_reader(example, "check-hashes", key=False).returncode == 0


def first_change(what: str, change: Callable[[Any], Any]) -> Callable[[str, Any], Any]:
    """Changes the first value of that name that comes by, and no other."""
    seen: List[Any] = []

    def edit(edited: str, value: Any) -> Any:
        if edited != what:
            return value
        seen.append(value)
        return change(value) if len(seen) == 1 else value

    return edit


def in_column(column: int, value: Any) -> Callable[[Any], Any]:
    def change(columns: Any) -> Any:
        columns[column][0] = value
        return columns

    return change


def in_row(column: int, change: Callable[[int], int]) -> Callable[[Any], Any]:
    def changed_row(row: List[int]) -> List[int]:
        return [*row[:column], change(row[column]), *row[column + 1 :]]

    return changed_row


WRONG_CONTENT = {
    "another identity": ("chunks", in_column(3, bytes(16)), "chunk 0 has another identity"),
    "another place": ("chunks", in_column(1, 1), "chunk 0 has another identity than its bytes"),
    "another length": ("chunks", in_column(2, 1), "chunk 0 has another identity|that lack"),
    "another kind of leaf": ("chunk leaf", lambda raw: changed(raw, 6, b"\1"), "has version 1, k"),
    "a longer stream": ("stream", in_row(7, lambda size: size + 1), "that lack 1 bytes of its"),
    "a shorter stream": ("stream", in_row(7, lambda size: size - 1), "more bytes than its size"),
    "a pack that is not listed": ("references", lambda packs: packs[1:], "reference list with"),
}


@pytest.mark.parametrize("what", WRONG_CONTENT)
def test_content_that_does_not_fit_is_refused(tmp_path: Path, what: str) -> None:
    edited, change, said = WRONG_CONTENT[what]
    example = LogicalExample(tmp_path, edit=first_change(edited, change))
    with pytest.raises(ReaderError, match=said):
        example.read()


@pytest.mark.parametrize(
    "length, said", [(32, "another identity"), (31, "key of the wrong length")]
)
def test_another_chunk_key_is_refused(tmp_path: Path, length: int, said: str) -> None:
    def edit(what: str, value: Any) -> Any:
        if what == "epoch":
            value.chunk_key = bytes(length)
        return value

    with pytest.raises(ReaderError, match=said):
        LogicalExample(tmp_path, edit=edit).read()


def test_a_leaf_with_another_number_of_chunks_than_its_list_says_is_refused(
    tmp_path: Path,
) -> None:
    def edit(what: str, value: Any) -> Any:
        if what != "list":
            return value
        packs, leaves = struct.unpack_from("<II", value, 12)
        at = 32 + 80 * packs + 24 * (leaves - 1) + 22
        (chunks,) = struct.unpack_from("<H", value, at)
        return changed(value, at, struct.pack("<H", chunks + 1))

    with pytest.raises(ReaderError, match="large_objects/0.*another number of chunks"):
        LogicalExample(tmp_path, edit=edit).read()


def test_a_flipped_byte_of_any_pack_is_never_taken(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    cluster = example.open()
    listed = read_references(cluster, open_manifest(cluster, BACKUP))
    assert len(listed) >= 3
    for sha256 in sorted(listed):
        path = tmp_path / f"repo/clusters/main/packs/{sha256.hex()[:2]}/{sha256.hex()}"
        data = path.read_bytes()
        path.write_bytes(changed(data, len(data) - 40, bytes([data[-40] ^ 1])))
        with pytest.raises(ReaderError, match=sha256.hex()):
            example.read()
        path.write_bytes(data)
    assert example.read() == example.streams
