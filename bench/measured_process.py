"""Runs one command and says what it cost: wall time, CPU time and memory of all its processes."""

import ctypes
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace

SAMPLE_INTERVAL_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class CommandFailed(Exception):
    """A command that had to succeed did not."""


@dataclass(frozen=True)
class Cost:
    """What one command cost. CPU is user and system time; tool_cpu_s that of the command with its
    child processes, server_cpu_s what the server and its archive_command used meanwhile. What a tool
    does not tell is None; compacted_bytes are a part of stored_bytes."""

    wall_s: float
    tool_cpu_s: float
    server_cpu_s: float = 0.0
    peak_bytes: int | None = None
    stored_bytes: int | None = None
    metadata_bytes: int | None = None
    compacted_bytes: int | None = None
    read_bytes: int | None = None
    requests: int | None = None
    new_chunks_share: float | None = None  # of a logical backup's, those that it had to store

    @property
    def cpu_s(self):
        return self.tool_cpu_s + self.server_cpu_s


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name: [0] is the state. None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree_cpu_s(root):
    """CPU used so far by a process, its descendants, and those of them that ended and were waited
    for (a parent inherits the times of a child that it waits for, so none is lost or counted twice)."""
    fields = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (found := stat_fields(entry)):
            fields[int(entry)] = found
    tree = {root}
    grown = True
    while grown:
        children = {pid for pid, found in fields.items() if int(found[1]) in tree} - tree
        tree |= children
        grown = bool(children)
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), two before them cut off.
    ticks = sum(int(value) for pid in tree & fields.keys() for value in fields[pid][11:15])
    return ticks / TICKS_PER_SECOND


def settled_cpu_s(server):
    """What a server and its processes used so far; without one, nothing. A process that ends while
    /proc is read can be missed with all that it used, and the true value never falls."""
    if server is None:
        return 0.0
    first = tree_cpu_s(server.pid)
    time.sleep(SAMPLE_INTERVAL_S)
    return max(first, tree_cpu_s(server.pid))


class MemoryOfGroup:
    """Samples the resident memory of a process group while it runs; `peak_bytes` is the largest sum
    over its processes. Pages that several of them share count once for each."""

    def __init__(self, group):
        self.peak_bytes = 0
        self._group = str(group)
        self._members = set()
        self._others = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_over)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _sample_until_over(self):
        while True:
            self._sample()
            if self._over.wait(SAMPLE_INTERVAL_S):
                return

    def _sample(self):
        # Each process is looked up once: a sample must not take CPU from what is measured.
        present = {entry for entry in os.listdir("/proc") if entry.isdigit()}
        for pid in present - self._members - self._others:
            fields = stat_fields(pid)
            (self._members if fields and fields[2] == self._group else self._others).add(pid)
        self._members &= present
        self._others &= present
        total = 0
        for pid in self._members:
            try:
                with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
                    total += int(statm.read().split()[1]) * PAGE_BYTES
            except (FileNotFoundError, ProcessLookupError):
                pass
        self.peak_bytes = max(self.peak_bytes, total)


class Runner:
    """Runs commands in one directory with one small environment, each in a process group of its
    own, which is killed when the wait for it is interrupted."""

    def __init__(self, directory, environment):
        self.directory = pathlib.Path(directory)
        self.environment = environment

    def run(self, command, cwd=None):
        """Runs a command that is not measured; returns its standard output."""
        return self._run(command, cwd, watch_memory=False)[1]

    def measure(self, command, cwd=None, server=None, watch_memory=True):
        """Runs a command to its end; returns its Cost. With a server, what that used meanwhile."""
        return self.measure_and_read(command, cwd, server, watch_memory)[0]

    def measure_and_read(self, command, cwd=None, server=None, watch_memory=True):
        """The same; returns its Cost and its standard output."""
        server_before_s = settled_cpu_s(server)
        cost, text = self._run(command, cwd, watch_memory)
        server_after_s = settled_cpu_s(server)
        return replace(cost, server_cpu_s=server_after_s - server_before_s), text

    def peak_bytes(self, command, cwd=None):
        """Runs a command too short to be sampled; returns the peak of its largest process."""
        # A child inherits the peak of the process that it was forked from, and Python's is larger
        # than what is to be measured here; time(1)'s is small.
        with tempfile.NamedTemporaryFile(dir=self.directory) as report:
            self.run(["/usr/bin/time", "-q", "-f", "%M", "-o", report.name, *command], cwd)
            return int(report.read()) * 1024

    def _run(self, command, cwd, watch_memory):
        command = [str(part) for part in command]
        with tempfile.TemporaryFile(dir=self.directory) as output, \
                tempfile.TemporaryFile(dir=self.directory) as errors:
            started = time.monotonic()
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, cwd=cwd or self.directory, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=errors, start_new_session=True)
            try:
                with MemoryOfGroup(process.pid) if watch_memory else nullcontext() as memory:
                    cpu_s = wait_for_group(process)
                    wall_s = time.monotonic() - started
            except BaseException:
                kill_group(process)
                raise
            for stream in (output, errors):
                stream.seek(0)
            text = output.read().decode(errors="replace")
            if process.returncode != 0:
                raise CommandFailed(f"{' '.join(command)}\nended with {process.returncode}:\n{text}\n"
                                    f"{errors.read().decode(errors='replace')}")
        return Cost(wall_s, cpu_s, peak_bytes=memory.peak_bytes if memory else None), text


def adopt_orphans():
    """From now on a descendant whose parent ended becomes a child of this process, so that what it
    used is counted as well. Call once, before anything is run."""
    pr_set_child_subreaper = 36  # linux/prctl.h
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def wait_for_group(process):
    """Waits for a process and for all of its group; returns the CPU seconds that they used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime
    while True:
        try:
            _, _, usage = os.wait4(-process.pid, 0)
        except ChildProcessError:
            return cpu_s
        cpu_s += usage.ru_utime + usage.ru_stime


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
        while True:
            os.waitpid(-process.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
