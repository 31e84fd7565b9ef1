"""Measures backups of a database through its connection, and restores of single tables."""

import json
import os
import shutil
from dataclasses import replace

from backup_and_restore import WrongRows
from clusters import MEASURED
from data_files import LEFT_OUT, bytes_of, fill_and_free, read_into_page_cache
from logical_tools import LogicalPgcairn, NewerPgDump, PgDump, PgDumpGzip
from results import LOGICAL_BACKUP, TABLE_RESTORES
from server import Server, archive_nowhere


def measure_logical(settings, runner, programs, data, results, say):
    """Each run makes a backup with each tool in turn and then, unless only backups are wanted, restores
    each table of TABLE_RESTORES into a new database of the same server."""
    archive_nowhere(data)
    with Server(runner, data, MEASURED) as server:
        for run in range(1, settings.runs + 1):
            place = runner.directory / f"logical-{run}"
            place.mkdir()
            restoring = [
                LogicalPgcairn(runner, programs.pgcairn, place / "pgcairn", server, settings),
                PgDump(runner, place / "pg_dump", server, settings),
            ]
            others = [PgDumpGzip(place / "pg_dump-gzip", server, settings)]
            if programs.newer_clients:
                others.insert(0, NewerPgDump(programs.newer_clients, runner, place / "newer-pg_dump",
                                             server, settings))
            for tool in (*restoring, *others):
                say(f"run {run} of {settings.runs}: {LOGICAL_BACKUP} with {tool.name}")
                cost = measure_warm(runner, server, place, tool.backup_command())[0]
                results.add(LOGICAL_BACKUP, tool.name, replace(cost, stored_bytes=tool.stored_bytes()))
                if tool in others:
                    tool.remove()
            for table, measurement in TABLE_RESTORES.items():
                if measurement in settings.wanted:
                    for tool in restoring:
                        say(f"run {run} of {settings.runs}: {measurement} with {tool.name}")
                        results.add(measurement, tool.name,
                                    measure_table_restore(runner, server, tool, table))
            shutil.rmtree(place)


def measure_warm(runner, server, place, command):
    """What the command costs, and what it printed. The server has nothing to write, and what it reads is in
    memory."""
    server.query("CHECKPOINT")
    fill_and_free(place, bytes_of(server.data, LEFT_OUT))
    read_into_page_cache(server.data, LEFT_OUT)
    os.sync()
    return runner.measure_and_read(command, server=server)


def measure_table_restore(runner, server, tool, table):
    server.query("CREATE DATABASE restored TEMPLATE template0")
    try:
        command = tool.restore_table_command(table, "restored", server)
        cost = measure_warm(runner, server, tool.repository, command)[0]
        counts = [server.query(f"SELECT count(*) FROM {table}", database=database)
                  for database in ("postgres", "restored")]
        indexes = [server.query("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", (table,),
                                database=database) for database in ("postgres", "restored")]
        if counts[0] != counts[1] or indexes[0] != indexes[1]:
            raise WrongRows(f"{tool.name} restored {counts[1][0][0]} rows of {table} and "
                            f"{indexes[1][0][0]} indexes; it has {counts[0][0][0]} and {indexes[0][0][0]}")
        return cost
    finally:
        server.query("DROP DATABASE restored")


def incremental_cost(runner, server, tool, place):
    """The Cost of an incremental logical backup, and its report."""
    stored_before = tool.stored_bytes()
    cost, output = measure_warm(runner, server, place, tool.incremental_command())
    report = json.loads(output)
    return replace(cost, stored_bytes=tool.stored_bytes() - stored_before,
                   **tool.logical_figures(report)), report
