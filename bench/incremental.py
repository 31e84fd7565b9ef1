"""Measures incremental backups after several loads, and after more and more pages changed."""

import os
import shutil
import time
from dataclasses import replace

from changed_pages import PageHashes, compress_changed_pages
from data_files import LEFT_OUT, bytes_of, fill_and_free, read_into_page_cache
from loads import Loads
from results import CHANGED_PAGES, CHANGED_SHARES_PERCENT, NOTHING_CHANGED, changed_share
from server import NO_ARCHIVE

# A file whose time is almost that of a backup may change once more within the same time, so pgcairn reads
# it again in the next one. What comes from the checkpoint before each backup here is not to count as that.
REST_S = 4


def measure_loads(settings, runner, server, tools, results, say):
    """Each run makes new repositories with a full backup, and then an incremental one after each load. The
    cluster is what the loads before have made of it. `tools(place)` makes the repositories."""
    loads = Loads(runner, server, settings.scale)
    for run in range(1, settings.runs + 1):
        place = runner.directory / f"incremental-{run}"
        changing = Changing(settings, runner, server, tools, place, results)
        say(f"run {run} of {settings.runs}: incremental backups, nothing changed")
        changing.measure(NOTHING_CHANGED, lambda: None)
        for measurement, load in loads.all_in_turn():
            say(f"run {run} of {settings.runs}: {measurement}")
            changing.measure(measurement, load)
        shutil.rmtree(place)


def measure_shares(settings, runner, server, tools, results, say):
    loads = Loads(runner, server, settings.scale)
    place = runner.directory / "shares"
    changing = Changing(settings, runner, server, tools, place, results)
    for percent in CHANGED_SHARES_PERCENT:
        say(changed_share(percent))
        changing.measure(changed_share(percent), lambda share=percent / 100: loads.change_pages(share))
    shutil.rmtree(place)


class Changing:
    """The cluster while it changes, with a repository for each tool; all of them have backed up the
    same state whenever `measure` is called."""

    def __init__(self, settings, runner, server, tools, place, results):
        place.mkdir()
        self._settings = settings
        self._runner = runner
        self._server = server
        self._place = place
        self._results = results
        self._tools = tools(place)
        server.query("CHECKPOINT")
        time.sleep(REST_S)
        for tool in self._tools:
            server.archive_with(tool.archive_command())
            runner.run(tool.backup_command())
            server.archive_with(NO_ARCHIVE)

    def measure(self, measurement, change):
        """Has `change` change the cluster, and lets each tool back it up."""
        self._server.query("CHECKPOINT")
        before = PageHashes(self._server.data)
        change()
        self._server.query("CHECKPOINT")
        self._results.add(measurement, CHANGED_PAGES,
                          compress_changed_pages(self._runner, before, self._settings.level))
        time.sleep(REST_S)
        for tool in self._tools:
            self._results.add(measurement, tool.name, self._back_up(tool))

    def _back_up(self, tool):
        self._server.archive_with(tool.archive_command())
        self._server.query("CHECKPOINT")
        fill_and_free(self._place, bytes_of(self._server.data, LEFT_OUT))
        read_into_page_cache(self._server.data, LEFT_OUT)
        os.sync()
        stored_before = tool.stored_without_wal_bytes()
        cost, output = self._runner.measure_and_read(tool.incremental_command(), server=self._server)
        self._server.archive_with(NO_ARCHIVE)
        return replace(cost, stored_bytes=tool.stored_without_wal_bytes() - stored_before,
                       **tool.incremental_figures(output))
