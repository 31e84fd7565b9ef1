"""A repository on a file system: an object's name is its path below the repository's directory."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO, List

from .errors import ObjectMissing, ReaderError


class Storage:
    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)

    def open(self, name: str) -> BinaryIO:
        """Raises ObjectMissing only when the file system says that there is no such file."""
        try:
            file = open(os.path.join(self.directory, name), "rb")
        except FileNotFoundError:
            raise ObjectMissing(name) from None
        except OSError as error:
            raise ReaderError(name, f"cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise ReaderError(name, "is not a file")
        return file

    def read(self, name: str, limit: int) -> bytes:
        """All bytes of an object that has at most `limit` of them."""
        with self.open(name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise ReaderError(name, f"has {size} bytes; at most {limit} are possible")
            return read_exactly(file, size, name)

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        with self.open(name) as file:
            file.seek(offset)
            return read_exactly(file, length, name)

    def names(self, folder: str) -> List[str]:
        """What lies directly in a folder, in order; nothing when there is no such folder."""
        try:
            return sorted(os.listdir(os.path.join(self.directory, folder)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ReaderError(folder, f"cannot be listed: {error.strerror}") from error


def read_exactly(file: BinaryIO, length: int, name: str) -> bytes:
    try:
        data = file.read(length)
    except OSError as error:
        raise ReaderError(name, f"cannot be read: {error.strerror}") from error
    if len(data) != length:
        raise ReaderError(name, f"ends {length - len(data)} bytes early")
    return data
