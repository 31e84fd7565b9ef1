"""What the lists of a backup say of the packs that their leaves need, worked out again from the leaves
with the Python reader (docs/format.md, section 8). Whoever deletes packs believes the lists."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterator, List, Tuple

import reader_example  # noqa: F401  (makes the reader's package known)

from pgcairn_format import header, leaf, stream_list
from pgcairn_format.blob import MAX_METADATA_RAW
from pgcairn_format.cluster import Cluster
from pgcairn_format.leaf import UNIT_SIZE, Leaf, Patch
from pgcairn_format.manifest import open_manifest, read_references
from pgcairn_format.packs import PackReader, PackReference, from_message
from pgcairn_format.stream_list import Needs, StreamList


def pack_reader(cluster: Cluster, backup: str) -> PackReader:
    return PackReader(cluster, read_references(cluster, open_manifest(cluster, backup)))


def lists_of(cluster: Cluster, backup: str) -> List[StreamList]:
    packs = pack_reader(cluster, backup)
    manifest = open_manifest(cluster, backup)
    references = [from_message(m, MAX_METADATA_RAW, "list") for m in manifest.stream_lists]
    return [stream_list.parse(packs.blob(r, header.METADATA_PACK), "list") for r in references]


def leaves_of(cluster: Cluster, backup: str) -> Iterator[Tuple[PackReference, Needs, Any, Leaf]]:
    """(its pack, its needs, the leaf or patch as stored, the whole leaf), list by list."""
    packs = pack_reader(cluster, backup)
    for listed in lists_of(cluster, backup):
        for (reference, units), needs in zip(listed.leaves, listed.needs):
            stored = leaf.parse(packs.blob(reference, header.METADATA_PACK), "leaf")
            whole = stored
            if isinstance(stored, Patch):
                base = leaf.parse(packs.blob(stored.base, header.METADATA_PACK), "base")
                whole = leaf.apply(stored, base, "leaf")
            assert len(whole.blob_of) == units
            yield reference.pack, needs, stored, whole


def needed_bytes(whole: Leaf) -> Dict[bytes, int]:
    """The stored bytes of each data pack, by its SHA-256."""
    raw_bytes: Dict[Any, int] = {}
    for blob, place in zip(whole.blob_of, whole.place_of):
        if blob is not None:
            there = min(UNIT_SIZE, blob.frame.raw_length - place)
            raw_bytes[blob] = raw_bytes.get(blob, 0) + there
    needed: Dict[bytes, int] = {}
    for blob, there in raw_bytes.items():
        raw = blob.frame.raw_length
        share = max(1, blob.frame.stored_length * min(raw, there) // raw)
        needed[blob.pack.sha256] = needed.get(blob.pack.sha256, 0) + share
    return needed


def require_true_needs(cluster: Cluster, backup: str) -> "Counter[str]":
    """Returns how many leaves of which form the backup has."""
    forms: "Counter[str]" = Counter()
    needed: Dict[bytes, int] = {}
    own = open_manifest(cluster, backup)
    older = set(read_references(cluster, open_manifest(cluster, own.base_backup_id))) \
        if own.base_backup_id else set()
    for pack, needs, stored, whole in leaves_of(cluster, backup):
        assert needs.base_pack == (stored.base.pack if isinstance(stored, Patch) else None)
        _require_close(needs, needed_bytes(whole))
        needed.update({blob.pack.sha256: blob.pack.length for blob in whole.blob_of if blob})
        forms.update(_forms(stored, pack.sha256 in older))
    lists = lists_of(cluster, backup)
    stated = {sha256: length for listed in lists for sha256, length in listed.data_packs.items()}
    assert stated == needed
    # With the metadata packs these are the packs of the reference list, and no others.
    metadata = {reference.pack for listed in lists for reference, _ in listed.leaves}
    metadata |= {n.base_pack for listed in lists for n in listed.needs if n.base_pack is not None}
    metadata |= {from_message(m, MAX_METADATA_RAW, "list").pack for m in own.stream_lists}
    stated.update({pack.sha256: pack.length for pack in metadata})
    assert stated == read_references(cluster, own)
    return forms


def _require_close(needs: Needs, needed: Dict[bytes, int]) -> None:
    """The same packs, each once. A blob that came from several leaves was rounded in parts."""
    stated = dict(needs.data)
    assert stated.keys() == needed.keys() and len(stated) == len(needs.data)
    for sha256, size in needed.items():
        assert abs(stated[sha256] - size) <= 16 + size // 1000, (sha256.hex(), stated[sha256], size)


def _forms(stored: Any, is_old: bool) -> List[str]:
    found = ["old" if is_old else "new"]
    if not isinstance(stored, Patch):
        return [*found, "whole"]
    found.append("patch")
    if stored.units != stored.base_units:
        found.append("grown" if stored.units > stored.base_units else "cut")
    if None in stored.rows.blob_of:
        found.append("zeros")
    return found
