"""Measures whether a restore pays for the incremental backups behind it."""

import shutil

from backup_and_restore import measure_restore
from clusters import row_counts
from loads import Loads
from pgcairn_tool import Pgcairn
from results import RESTORE_OF_FULL_BESIDE_IT, RESTORE_OF_INCREMENTAL
from server import NO_ARCHIVE

INCREMENTAL_BACKUPS = 10


def measure_restore_of_incremental(settings, runner, program, server, results, say):
    """A full backup, ten incremental ones with some changes before each, and another full backup of the
    same state as the tenth holds. Each run restores both."""
    place = runner.directory / "ten-incrementals"
    place.mkdir()
    tool = Pgcairn(runner, program, place / "pgcairn", server, settings)
    loads = Loads(runner, server, settings.scale)
    say(f"a full backup and {INCREMENTAL_BACKUPS} incremental ones")
    server.archive_with(tool.archive_command())
    runner.run(tool.backup_command())
    for _ in range(INCREMENTAL_BACKUPS):
        loads.a_few_transactions()
        output = runner.run(tool.incremental_command())
    sources = {RESTORE_OF_INCREMENTAL: tool.backup_id(output),
               RESTORE_OF_FULL_BESIDE_IT: tool.backup_id(runner.run(tool.backup_command()))}
    server.archive_with(NO_ARCHIVE)
    rows = row_counts(server)
    order = list(sources.items())
    for run in range(1, settings.runs + 1):
        for measurement, backup_id in order:
            say(f"run {run} of {settings.runs}: {measurement}")
            measure_restore(runner, server, tool, rows if run == settings.runs else None, results, say,
                            measurement, backup_id=backup_id)
        # The second of two finds memory that the first has used: each of them is that in turn.
        order.reverse()
    shutil.rmtree(place)
