"""What a backup is measured against beside pgBackRest: PostgreSQL's own way to make a backup, and
nothing but compressing the same bytes."""

import pathlib
import shlex
import shutil

from data_files import LEFT_OUT, bytes_of
from server import BINDIR, NO_ARCHIVE, PORT


class BaseBackup:
    """pg_basebackup: the server compresses, with several threads; nothing is encrypted."""

    name = "pg_basebackup"

    def __init__(self, place, server, settings):
        self.repository = pathlib.Path(place)
        self._server = server
        self._settings = settings

    def archive_command(self):
        return NO_ARCHIVE

    def backup_command(self):
        # With the WAL in it: as restorable as the others' with their archives.
        return [BINDIR / "pg_basebackup", "-D", self.repository, "--format=tar", "--wal-method=fetch",
                f"--compress=server-zstd:level={self._settings.level},workers={self._settings.jobs}",
                "--checkpoint=fast", "-h", self._server.socket, "-p", PORT, "-U", "postgres"]

    def stored_bytes(self):
        return bytes_of(self.repository)

    def remove(self):
        shutil.rmtree(self.repository)


class TarAndZstd:
    """tar | zstd over the files that a backup holds. zstd's part of the CPU time is the limit that
    a backup can come near to."""

    name = "tar | zstd -T1"

    def __init__(self, place, server, settings):
        self._place = pathlib.Path(place)
        self._place.mkdir()
        self._times = self._place / "times"
        self._stored = self._place / "tar.zst"
        self._data = server.data
        self._level = settings.level

    def archive_command(self):
        return NO_ARCHIVE

    def backup_command(self):
        tar = ["tar", "-C", self._data, *(f"--exclude=./{name}" for name in LEFT_OUT), "-cf", "-", "."]
        zstd = ["/usr/bin/time", "-f", "%U %S", "-o", self._times,
                "zstd", "-q", "-T1", f"-{self._level}", "-o", self._stored]
        return ["/bin/sh", "-c", " | ".join(shlex.join(map(str, part)) for part in (tar, zstd))]

    def compressor_cpu_s(self):
        """CPU seconds of zstd alone, in the last run."""
        return sum(map(float, self._times.read_text(encoding="ascii").split()))

    def stored_bytes(self):
        return self._stored.stat().st_size

    def remove(self):
        shutil.rmtree(self._place)
