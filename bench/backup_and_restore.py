"""Measures full backups and restores of one cluster, and proves that restored is what was there."""

import os
import shutil
from dataclasses import replace

from clusters import MEASURED, row_counts
from data_files import LEFT_OUT, bytes_of, fill_and_free, read_into_page_cache
from delta_restore import measure_delta_restores
from measured_process import Cost
from pgbackrest_tool import PgBackRest
from pgcairn_tool import Pgcairn
from results import COMPRESSOR, DELTA_OF_INTACT, FULL_BACKUP, RESTORE
from server import NO_ARCHIVE, Server, archive_nowhere
from yardsticks import BaseBackup, TarAndZstd


class WrongRows(Exception):
    """A restored cluster does not hold what the backed up one held."""


def measure_backup_and_restore(settings, runner, program, data, results, say):
    """Each run makes a repository for each tool, takes a full backup with each in turn, and then, unless
    only backups are wanted, restores each, and again into what was restored."""
    archive_nowhere(data)
    with Server(runner, data, MEASURED) as server:
        rows = row_counts(server)
        for run in range(1, settings.runs + 1):
            place = runner.directory / f"backups-{run}"
            place.mkdir()
            restoring = [
                Pgcairn(runner, program, place / "pgcairn", server, settings),
                PgBackRest(runner, place / "pgbackrest", server, settings),
            ]
            for tool in (*restoring, BaseBackup(place / "pg_basebackup", server, settings),
                         TarAndZstd(place / "tar-and-zstd", server, settings)):
                say(f"run {run} of {settings.runs}: full backup with {tool.name}")
                measure_backup(runner, server, tool, place, results)
                if tool not in restoring:
                    tool.remove()
            for tool in restoring if RESTORE in settings.wanted else ():
                say(f"run {run} of {settings.runs}: restore with {tool.name}")
                measure_restore(runner, server, tool, rows if run == settings.runs else None, results,
                                say, with_deltas=DELTA_OF_INTACT in settings.wanted)
            shutil.rmtree(place)


def measure_backup(runner, server, tool, place, results):
    server.archive_with(tool.archive_command())
    server.query("CHECKPOINT")
    fill_and_free(place, bytes_of(server.data, LEFT_OUT))
    read_into_page_cache(server.data, LEFT_OUT)
    # What others wrote before must not go to the disk on this tool's time.
    os.sync()
    cost = runner.measure(tool.backup_command(), server=server)
    server.archive_with(NO_ARCHIVE)
    results.add(FULL_BACKUP, tool.name, replace(cost, stored_bytes=tool.stored_bytes()))
    if isinstance(tool, TarAndZstd):
        results.add(FULL_BACKUP, COMPRESSOR, Cost(cost.wall_s, tool.compressor_cpu_s()))


def measure_restore(runner, server, tool, rows, results, say, measurement=RESTORE, with_deltas=False,
                    **source):
    """With `rows`, starts a server on what was restored and compares. `source` goes to the tool: which
    backup, if not the newest."""
    target = runner.directory / "restored"
    target.mkdir(mode=0o700)
    fill_and_free(target, bytes_of(server.data, LEFT_OUT))
    read_into_page_cache(tool.repository)
    os.sync()
    cost, output = runner.measure_and_read(tool.restore_command(target, **source))
    results.add(measurement, tool.name, replace(cost, requests=tool.restore_requests(output)))
    if with_deltas:
        measure_delta_restores(runner, tool, target, results)
    if rows is not None:
        with Server(runner, target, {"archive_mode": "off"}) as restored:
            found = row_counts(restored)
        if found != rows:
            raise WrongRows(f"{tool.name} restored {found}, and {rows} was backed up")
        say(f"    the restored cluster starts, and its {sum(found.values()):,} rows are all there")
    shutil.rmtree(target)
