"""Writing files so that they survive a loss of power."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import BinaryIO, Iterable, Iterator

from .errors import ReaderError


def fsync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def finish_directory(path: str, mode: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: str, data: bytes, mode: int) -> None:
    """A file that must not exist yet. Its directory is not synchronised."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)


def write_beside(path: str, pieces: Iterable[bytes], mode: int) -> None:
    """Writes under a temporary name in the same directory and renames: whole or not at all."""
    with _beside(path, mode, may_exist=True) as file:
        for piece in pieces:
            file.write(piece)


@contextlib.contextmanager
def new_file_beside(path: str, mode: int) -> Iterator[BinaryIO]:
    """To write what gets the name `path`, which must be free, when the block has ended without an
    error; else nothing is left."""
    path = os.path.abspath(path)
    require_absent(path)
    with _beside(path, mode, may_exist=False) as file:
        yield file


@contextlib.contextmanager
def _beside(path: str, mode: int, may_exist: bool) -> Iterator[BinaryIO]:
    folder = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".pgcairn-", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            yield file
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        if not may_exist:
            # Once more: writing may have taken hours.
            require_absent(path)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    fsync_directory(folder)


def require_absent(path: str) -> None:
    if os.path.lexists(path):
        raise ReaderError(path, "exists already", "give a name that nothing has yet")


def require_outside(path: str, directory: str) -> None:
    """The repository holds nothing but its own objects."""
    inside = os.path.realpath(path) + os.sep
    if inside.startswith(os.path.realpath(directory) + os.sep):
        raise ReaderError(path, "lies inside the repository")


def require_empty(path: str) -> None:
    """Absent, or a directory with nothing in it."""
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise ReaderError(path, "is not a directory") from None
    if names:
        raise ReaderError(path, "is not empty", "give a directory that is empty or not there yet")


def make_directory(path: str) -> None:
    """With its parents; readable by the owner alone until its own mode is set."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        make_directory(parent)
    if not os.path.isdir(path):
        os.mkdir(path, 0o700)
        fsync_directory(parent)
