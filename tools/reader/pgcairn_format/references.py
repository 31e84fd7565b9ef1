"""Reference lists (section 10), and the check that needs no key."""

from __future__ import annotations

import hashlib
import re
from typing import Dict, List

from .errors import ReaderError
from .header import is_tombstone
from .packs import MAX_PACK_SIZE
from .storage import Storage

# A line has at most 74 bytes; this is room for some 14 million packs.
MAX_LIST_SIZE = 1 << 30
BACKUP_ID = re.compile(r"[0-9]{8}_[0-9]{6}-[0-9a-f]{4}")
PACK_LINE = re.compile(r"([0-9a-f]{64}) ([1-9][0-9]{0,17})")
SUFFIX = ".refs"


def parse(data: bytes, backup_id: str, object_name: str) -> Dict[bytes, int]:
    """Lengths of the packs, by SHA-256."""
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise ReaderError(object_name, "is damaged (not plain text)") from None
    packs: Dict[bytes, int] = {}
    if len(lines) < 3 or lines[-1] or lines[0] != f"pgcairn-refs 1 {backup_id}":
        raise ReaderError(object_name, "is not the whole reference list of its backup")
    before = ""
    for line in lines[1:-2]:
        match = PACK_LINE.fullmatch(line)
        if not match or match.group(1) <= before:
            raise ReaderError(object_name, f"has a damaged line: {line!r}")
        before = match.group(1)
        packs[bytes.fromhex(before)] = int(match.group(2))
    if lines[-2] != f"end {len(packs)}":
        raise ReaderError(object_name, f"does not end with the number of its packs, {len(packs)}")
    return packs


class HashCheck:
    """What check-hashes found in one cluster."""

    def __init__(self) -> None:
        self.errors: List[str] = []
        self.notes: List[str] = []
        self.pack_count = 0
        self.byte_count = 0


def check_hashes(storage: Storage, folder: str) -> HashCheck:
    """Every pack in every reference list of the cluster; each pack is read once."""
    result = HashCheck()
    seen: Dict[str, str] = {}
    backups = f"{folder}/backups"
    names = storage.names(backups)
    for name in names:
        if BACKUP_ID.fullmatch(name) and name + SUFFIX not in names:
            if not _is_given_up(storage, f"{backups}/{name}"):
                result.errors.append(f"{backups}/{name}{SUFFIX}: is missing")
    for name in names:
        backup_id = name[: -len(SUFFIX)]
        if not name.endswith(SUFFIX) or not BACKUP_ID.fullmatch(backup_id):
            continue
        manifest = f"{backups}/{backup_id}"
        unfinished = backup_id not in names or _is_given_up(storage, manifest)
        found = result.notes if unfinished else result.errors
        if unfinished:
            result.notes.append(f"{backups}/{name}: its backup was not finished")
        try:
            packs = parse(
                storage.read(f"{backups}/{name}", MAX_LIST_SIZE), backup_id, f"{backups}/{name}"
            )
        except ReaderError as error:
            found.append(str(error))
            continue
        for sha256, length in packs.items():
            problem = _check_pack(storage, folder, sha256.hex(), length, seen, result)
            if problem:
                found.append(f"{problem} (needed by {backup_id})")
    return result


def _is_given_up(storage: Storage, manifest: str) -> bool:
    try:
        with storage.open(manifest) as file:
            return is_tombstone(file.read(8))
    except (ReaderError, OSError):
        return False


def _check_pack(
    storage: Storage, folder: str, sha256: str, length: int, seen: Dict[str, str], result: HashCheck
) -> str:
    """What is wrong with the pack, or nothing. `seen` holds that of the packs read before."""
    name = f"{folder}/packs/{sha256[:2]}/{sha256}"
    if (known := seen.get(f"{sha256} {length}")) is not None:
        return known
    problem = ""
    try:
        data = storage.read(name, MAX_PACK_SIZE)
        result.pack_count += 1
        result.byte_count += len(data)
        if len(data) != length:
            problem = f"{name}: has {len(data)} bytes instead of {length}"
        elif hashlib.sha256(data).hexdigest() != sha256:
            problem = f"{name}: is damaged (SHA-256)"
    except ReaderError as error:
        problem = str(error)
    seen[f"{sha256} {length}"] = problem
    return problem
