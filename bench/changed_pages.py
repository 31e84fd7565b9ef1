"""Which pages of a data directory changed, and how small a compressor makes them: what an incremental
backup has to store at least, more or less."""

import hashlib
from dataclasses import replace

from data_files import LEFT_OUT, files_of

PAGE_BYTES = 8192
HASH_BYTES = 8


class PageHashes:
    """Of all pages in the files that a backup holds, as they are now. Nobody may be writing."""

    def __init__(self, data):
        self._data = data
        self._of_files = {}
        for path in files_of(data, LEFT_OUT):
            hashes = bytearray()
            for page in pages_of(path):
                hashes += page_hash(page)
            self._of_files[path.relative_to(data)] = bytes(hashes)

    def page_count(self):
        return sum(len(hashes) for hashes in self._of_files.values()) // HASH_BYTES

    def write_changed_pages(self, to):
        """Writes the pages that are new or different by now to one file; returns how many they are."""
        count = 0
        with open(to, "wb") as changed:
            for path in files_of(self._data, LEFT_OUT):
                before = self._of_files.get(path.relative_to(self._data), b"")
                for number, page in enumerate(pages_of(path)):
                    place = number * HASH_BYTES
                    if before[place:place + HASH_BYTES] != page_hash(page):
                        changed.write(page)
                        count += 1
        return count


def pages_of(path):
    with open(path, "rb", buffering=1 << 20) as file:
        while page := file.read(PAGE_BYTES):
            yield page


def page_hash(page):
    return hashlib.blake2b(page, digest_size=HASH_BYTES).digest()


def compress_changed_pages(runner, before, level):
    """The Cost of one thread of zstd that compresses the pages changed since `before`, with the bytes of
    the pages as read_bytes; stored_bytes is what comes out."""
    pages = runner.directory / "changed-pages"
    compressed = runner.directory / "changed-pages.zst"
    count = before.write_changed_pages(pages)
    command = ["zstd", "-q", "-f", "-T1", f"-{level}", "-o", compressed, pages]
    cost = replace(runner.measure(command), read_bytes=count * PAGE_BYTES,
                   stored_bytes=compressed.stat().st_size)
    pages.unlink()
    compressed.unlink()
    return cost
