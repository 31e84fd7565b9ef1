"""Where tablespaces go, and the tablespace_map that says so to PostgreSQL."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterable

from .errors import ReaderError
from .messages import Manifest

# PostgreSQL puts a backslash before these (xlog.c, do_pg_backup_start) and takes it away again
# (xlogrecovery.c, read_tablespace_map).
ESCAPED = re.compile(rb"([\\\n\r])")
MAP_LINE = re.compile(rb"((?:[^\\\n\r]|\\[\s\S])*)[\n\r]")
MAP_ENTRY = re.compile(rb"([0-9]+) ([\s\S]+)")


def parse_mapping(arguments: Iterable[str]) -> Dict[str, str]:
    """OLD=NEW, as often as wanted; a backslash before "=" makes it part of a path."""
    mapping: Dict[str, str] = {}
    for argument in arguments:
        parts = [part.replace("\\=", "=") for part in re.split(r"(?<!\\)=", argument)]
        if len(parts) != 2 or not all(os.path.isabs(part) for part in parts):
            raise ReaderError(argument, "is not OLD=NEW with two absolute paths")
        if parts[0] in mapping:
            raise ReaderError(argument, "maps a tablespace that is mapped already")
        mapping[parts[0]] = parts[1]
    return mapping


def locations(manifest: Manifest, mapping: Dict[str, str], target: str) -> Dict[int, str]:
    """Where each tablespace goes, by oid."""
    known = {tablespace.location for tablespace in manifest.tablespaces}
    for old in mapping:
        if old not in known:
            raise ReaderError(old, f"no tablespace lies there; they are {sorted(known) or 'none'}")
    result: Dict[int, str] = {}
    for tablespace in manifest.tablespaces:
        where = f"tablespace {tablespace.name} ({tablespace.oid})"
        location = mapping.get(tablespace.location, tablespace.location)
        if not os.path.isabs(location) or "\0" in location:
            raise ReaderError(where, f"its location {location!r} is not an absolute path")
        location = os.path.normpath(location)
        for other in [target, *result.values()]:
            if _inside(location, other) or _inside(other, location):
                raise ReaderError(where, f"its location {location} overlaps with {other}")
        if tablespace.oid in result:
            raise ReaderError(where, "is named twice")
        result[tablespace.oid] = location
    return result


def rewrite_map(tablespace_map: bytes, manifest: Manifest, new: Dict[int, str]) -> bytes:
    """The map with the locations that changed; all else stays byte for byte."""
    old = {tablespace.oid: tablespace.location for tablespace in manifest.tablespaces}
    changed = {oid: location for oid, location in new.items() if location != old[oid]}
    if not changed:
        return tablespace_map
    result = b""
    position = 0
    while position < len(tablespace_map):
        line = MAP_LINE.match(tablespace_map, position)
        entry = MAP_ENTRY.fullmatch(line.group(1)) if line else None
        if not line or not entry:
            raise ReaderError("tablespace_map", "has a line that cannot be understood")
        position = line.end()
        oid = int(entry.group(1))
        if oid in changed:
            escaped = ESCAPED.sub(rb"\\\1", os.fsencode(changed.pop(oid)))
            result += entry.group(1) + b" " + escaped + b"\n"
        else:
            result += line.group(0)
    if changed:
        raise ReaderError("tablespace_map", f"does not name tablespaces {sorted(changed)}")
    return result


def _inside(path: str, folder: str) -> bool:
    return os.path.commonpath([os.path.realpath(path), os.path.realpath(folder)]) == (
        os.path.realpath(folder)
    )
