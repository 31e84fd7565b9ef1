"""The files of a directory: how many bytes they hold, bringing them into the page cache, and room for
new ones."""

import pathlib

# What a backup leaves out of a data directory.
LEFT_OUT = ("pg_wal", "pg_stat_tmp", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial",
            "pg_snapshots", "pg_subtrans", "postmaster.pid", "postmaster.opts")


def files_of(directory, left_out=()):
    """The regular files below a directory; `left_out` names entries at its top."""
    for entry in sorted(pathlib.Path(directory).iterdir()):
        if entry.name in left_out or entry.is_symlink():
            continue
        if entry.is_file():
            yield entry
        elif entry.is_dir():
            yield from files_of(entry)


def bytes_of(directory, left_out=()):
    return sum(path.stat().st_size for path in files_of(directory, left_out))


def read_into_page_cache(directory, left_out=()):
    buffer = bytearray(1 << 20)
    for path in files_of(directory, left_out):
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def fill_and_free(directory, size):
    """Room that was in use a moment ago is handed out faster than room that nobody used for a while: a
    virtual machine gets that from its host page by page. Makes it equal for all."""
    buffer = bytes(1 << 20)
    path = pathlib.Path(directory) / "room"
    with open(path, "wb", buffering=0) as file:
        for _ in range(size // len(buffer)):
            file.write(buffer)
    path.unlink()
