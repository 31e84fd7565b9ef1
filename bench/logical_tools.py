"""What makes backups of a database through its connection alone: pgcairn, and pg_dump in two ways."""

import pathlib
import shlex
import shutil

from data_files import bytes_of
from pgcairn_tool import Pgcairn
from results import PG_DUMP, PG_DUMP_GZIP, PG_DUMP_ZSTD
from server import BINDIR, PORT


class LogicalPgcairn(Pgcairn):
    @staticmethod
    def _cluster(conninfo):
        return {"connection": conninfo, "method": "logical"}

    def logical_figures(self, output_as_json):
        return {"metadata_bytes": output_as_json["metadata_bytes_stored"],
                "compacted_bytes": output_as_json["bytes_compacted"],
                "read_bytes": output_as_json["bytes_read"]}

    def restore_table_command(self, table, database, server):
        return [*self._command, "restore", "--type=table", f"--table=public.{table}",
                f"--target-url={server.conninfo(database)}"]


def connection_options(server, database="postgres"):
    return ["-h", server.socket, "-p", PORT, "-U", "postgres", "-d", database]


class PgDump:
    """pg_dump's directory format, a process for each job."""

    name = PG_DUMP
    _compression = "{level}"
    _bindir = BINDIR

    def __init__(self, runner, place, server, settings):
        self._runner = runner
        self._place = pathlib.Path(place)
        self._place.mkdir()
        self.repository = self._place / "dump"
        self._server = server
        self._settings = settings

    def backup_command(self):
        return [self._bindir / "pg_dump", "-Fd", f"-j{self._settings.jobs}",
                f"--compress={self._compression.format(level=self._settings.level)}",
                "-f", self.repository, *connection_options(self._server)]

    def stored_bytes(self):
        return bytes_of(self.repository)

    def restore_table_command(self, table, database, server):
        """Everything of the table: `--table` alone would leave out its indexes."""
        contents = self._runner.run([self._bindir / "pg_restore", "-l", self.repository])
        entries = [line for line in contents.splitlines()
                   if f" public {table} " in f"{line} " or f" public {table}_" in line]
        chosen = self._place / f"{table}.list"
        chosen.write_text("".join(f"{line}\n" for line in entries), encoding="utf-8")
        return [self._bindir / "pg_restore", f"-j{self._settings.jobs}", "--exit-on-error",
                "-L", chosen, *connection_options(server, database), self.repository]

    def remove(self):
        shutil.rmtree(self._place)


class NewerPgDump(PgDump):
    """pg_dump of PostgreSQL 17, which compresses as pgcairn does. Its pg_restore sends a setting that a
    server of 15 does not know, so tables are restored from the other's dump only."""

    name = PG_DUMP_ZSTD
    _compression = "zstd:{level}"

    def __init__(self, bindir, *arguments):
        super().__init__(*arguments)
        self._bindir = bindir


class PgDumpGzip:
    """pg_dump | gzip, as `supabase db dump` and most scripts do it."""

    name = PG_DUMP_GZIP

    def __init__(self, place, server, settings):
        self.repository = pathlib.Path(place)
        self.repository.mkdir()
        self._server = server
        # gzip has no more than nine.
        self._level = min(settings.level, 9)

    def backup_command(self):
        dump = [BINDIR / "pg_dump", *connection_options(self._server)]
        parts = (dump, ["gzip", f"-{self._level}"])
        piped = " | ".join(shlex.join(map(str, part)) for part in parts)
        return ["/bin/sh", "-c", f"{piped} > {shlex.quote(str(self.repository / 'dump.gz'))}"]

    def stored_bytes(self):
        return bytes_of(self.repository)

    def remove(self):
        shutil.rmtree(self.repository)
