"""Writing files so that they survive a loss of power."""

from __future__ import annotations

import os
import tempfile
from typing import Iterable

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
    folder = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".pgcairn-", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    fsync_directory(folder)


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
