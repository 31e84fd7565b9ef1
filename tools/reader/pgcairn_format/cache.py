"""Keeps what was used last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Hashable, Optional, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._entries: "OrderedDict[Hashable, tuple[V, int]]" = OrderedDict()

    def get(self, key: Hashable) -> Optional[V]:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, value: V, size_bytes: int) -> None:
        self._entries[key] = (value, size_bytes)
        self._used += size_bytes
        while self._used > self._limit and len(self._entries) > 1:
            _, (_, size) = self._entries.popitem(last=False)
            self._used -= size
