"""Measures how long the programs take to start: a part of every archive_command."""

from dataclasses import replace

import pgbackrest_tool
import pgcairn_tool
from results import NOTHING, PGBACKREST, PGCAIRN, START

STARTS = 20


def measure_start(settings, runner, program, results):
    commands = {PGCAIRN: pgcairn_tool.version_command(program),
                PGBACKREST: pgbackrest_tool.version_command(),
                # What the measuring itself takes.
                NOTHING: ["/bin/true"]}
    peaks = {tool: runner.peak_bytes(command) for tool, command in commands.items()}
    for _ in range(STARTS * settings.runs):
        for tool, command in commands.items():
            cost = runner.measure(command, watch_memory=False)
            results.add(START, tool, replace(cost, peak_bytes=peaks[tool]))
