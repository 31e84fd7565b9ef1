"""A file system of its own, with as much room as a test gives it."""

import errno
import os
import pathlib
import subprocess

from scratch import Failed, give_to_server_user

# tmpfs takes 0 for "no limit", and no limit after that.
MANY_INODES = 1_000_000


def _as_root(*command):
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*prefix, *(str(part) for part in command)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{command}: {done.stderr}")


class SmallDisk:
    """A tmpfs of the server's user, mounted on `path` from entering to leaving."""

    def __init__(self, path, size="1g", inodes=MANY_INODES):
        self.path = pathlib.Path(path)
        self._options = f"size={size},nr_inodes={inodes}"

    def __enter__(self):
        self.path.mkdir()
        give_to_server_user(self.path)
        owner = self.path.stat()
        _as_root("mount", "-t", "tmpfs", "-o",
                 f"mode=0700,uid={owner.st_uid},gid={owner.st_gid},{self._options}",
                 "pgcairn-test", self.path)
        return self

    def __exit__(self, *_):
        # Lazily: a server's archiver may be at work on it.
        _as_root("umount", "-l", self.path)
        self.path.rmdir()

    def resize(self, size="1g", inodes=MANY_INODES):
        _as_root("mount", "-o", f"remount,size={size},nr_inodes={inodes}", self.path)

    def used_bytes(self):
        info = os.statvfs(self.path)
        return (info.f_blocks - info.f_bfree) * info.f_frsize

    def used_inodes(self):
        info = os.statvfs(self.path)
        return info.f_files - info.f_ffree

    def fill(self):
        """Takes all the room that is left."""
        with open(self.path / "ballast", "ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
