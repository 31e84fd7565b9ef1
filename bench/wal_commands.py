"""Measures archive_command and restore_command as the server runs them: one process for each segment, in
the data directory, synchronous."""

import filecmp
import os
import shlex
import shutil
from dataclasses import replace

from pgbackrest_tool import PgBackRest
from pgcairn_tool import Pgcairn
from results import (FETCH_FULL, FETCH_NEARLY_EMPTY, PUSH_FULL, PUSH_HUNDRED, PUSH_NEARLY_EMPTY)
from wal_segments import NEARLY_EMPTY

ONE_BY_ONE = NEARLY_EMPTY


class WrongSegment(Exception):
    """What was fetched is not what was pushed."""


def measure_wal_commands(settings, runner, program, wal, results, say):
    """Each run uses new repositories: what is stored already is a different thing to push."""
    nearly_empty, full = wal.segments()
    with wal.server(runner) as server:
        for run in range(1, settings.runs + 1):
            place = runner.directory / f"wal-{run}"
            place.mkdir()
            tools = [Pgcairn(runner, program, place / "pgcairn", server, settings),
                     PgBackRest(runner, place / "pgbackrest", server, settings)]
            commands = WalCommands(runner, server.data, tools, results)
            say(f"run {run} of {settings.runs}: pushing and fetching segments one by one")
            for push, fetch, segments in ((PUSH_NEARLY_EMPTY, FETCH_NEARLY_EMPTY, nearly_empty),
                                          (PUSH_FULL, FETCH_FULL, full[:ONE_BY_ONE])):
                commands.push_each(push, segments)
                if fetch in settings.wanted:
                    commands.fetch_each(fetch, segments)
            if PUSH_HUNDRED in settings.wanted:
                say(f"run {run} of {settings.runs}: pushing 100 segments one after another")
                commands.push_all(PUSH_HUNDRED, full[ONE_BY_ONE:])
            shutil.rmtree(place)


class WalCommands:
    """The first of the segments is for what is not timed: memory, and loading the program."""

    def __init__(self, runner, data, tools, results):
        self._runner = runner
        self._data = data
        self._tools = tools
        self._results = results

    def push_each(self, measurement, segments):
        read_all(segments)
        peaks = [self._runner.peak_bytes([*tool.push_command(), segments[0]], self._data)
                 for tool in self._tools]
        stored_before = [tool.stored_bytes() for tool in self._tools]
        os.sync()
        costs = self._in_turn(lambda tool, segment: [*tool.push_command(), segment], segments[1:])
        for tool, peak, before, of_tool in zip(self._tools, peaks, stored_before, costs):
            stored = (tool.stored_bytes() - before) / len(of_tool)
            self._results.add(measurement, tool.name,
                              *(replace(cost, peak_bytes=peak, stored_bytes=stored)
                                for cost in of_tool))

    def fetch_each(self, measurement, segments):
        fetched = self._runner.directory / "fetched"

        def command(tool, segment):
            fetched.unlink(missing_ok=True)
            return [*tool.fetch_command(), segment.name, fetched]

        def compare(tool, segment):
            if not filecmp.cmp(fetched, segment, shallow=False):
                raise WrongSegment(f"{tool.name} brought back something else for {segment.name}")

        peaks = [self._runner.peak_bytes(command(tool, segments[0]), self._data)
                 for tool in self._tools]
        os.sync()
        costs = self._in_turn(command, segments[1:], compare)
        for tool, peak, of_tool in zip(self._tools, peaks, costs):
            self._results.add(measurement, tool.name,
                              *(replace(cost, peak_bytes=peak) for cost in of_tool))
        fetched.unlink()

    def push_all(self, measurement, segments):
        read_all(segments)
        for tool in self._tools:
            before = tool.stored_bytes()
            os.sync()
            push = shlex.join(map(str, tool.push_command()))
            cost = self._runner.measure(
                ["/bin/sh", "-c", f'for segment; do {push} "$segment" || exit 1; done', "sh",
                 *segments], self._data)
            self._results.add(measurement, tool.name,
                              replace(cost, stored_bytes=tool.stored_bytes() - before))

    def _in_turn(self, command, segments, then=lambda tool, segment: None):
        """A list of costs for each tool."""
        costs = [[] for _ in self._tools]
        for segment in segments:
            for tool, of_tool in zip(self._tools, costs):
                of_tool.append(self._runner.measure(command(tool, segment), self._data,
                                                    watch_memory=False))
                then(tool, segment)
        return costs


def read_all(paths):
    """Brings files into the page cache, where a segment is when the server has just written it."""
    for path in paths:
        path.read_bytes()
