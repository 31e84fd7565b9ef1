"""Runs that stop by SIGSTOP just before a chosen request to the repository, and go on when told."""

import os
import pathlib
import signal
import subprocess

from scratch import Failed, as_server_user, give_to_server_user

# Writes each call that reads, names or removes something whose path matches into a log before it is
# made, counts those that are of a kind, and stops the process before the one with the number STOP_AT.
STOPPER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long (*real_syscall)(long, ...);
static regex_t pattern, kind;
static int active;
static long stop_at;
static char log_path[PATH_MAX];
static char host[256];
static long clock_shift;
static atomic_long count;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("STOP_IN"), *at = getenv("STOP_AT"), *log = getenv("STOP_LOG");
    const char *of = getenv("STOP_KIND");
    const char *name = getenv("PRETEND_HOST"), *shift = getenv("CLOCK_SHIFT");
    real_syscall = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
    if (text && log && of && regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) == 0 &&
        regcomp(&kind, of, REG_EXTENDED | REG_NOSUB) == 0) {
        stop_at = at ? atol(at) : 0;
        snprintf(log_path, sizeof log_path, "%s", log);
        active = 1;
    }
    if (name)
        snprintf(host, sizeof host, "%s", name);
    clock_shift = shift ? atol(shift) : 0;
    /* Not for servers and what they start; but setpriv has to hand it on. */
    if (strcmp(program_invocation_short_name, "pgcairn") == 0)
        unsetenv("LD_PRELOAD");
}

static void point(const char *what, int directory, const char *name)
{
    char link[64], path[2 * PATH_MAX], line[3 * PATH_MAX];
    ssize_t size = 0;
    int saved = errno, record;
    if (!active)
        return;
    if (name[0] != '/') {
        snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                 directory);
        size = readlink(link, path, PATH_MAX - 1);
        if (size < 0)
            size = 0;
        path[size++] = '/';
    }
    snprintf(path + size, sizeof path - size, "%s", name);
    if (regexec(&pattern, path, 0, NULL, 0) == 0) {
        int length = snprintf(line, sizeof line, "%s\t%s\n", what, path);
        record = real_syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT, 0666);
        if (record < 0 || real_syscall(SYS_write, record, line, length) != length)
            abort();
        real_syscall(SYS_close, record);
        if (regexec(&kind, line, 0, NULL, 0) == 0 && atomic_fetch_add(&count, 1) + 1 == stop_at)
            kill(getpid(), SIGSTOP);
    }
    errno = saved;
}

long syscall(long number, ...)
{
    va_list rest;
    long a, b, c, d, e, f;
    va_start(rest, number);
    a = va_arg(rest, long);
    b = va_arg(rest, long);
    c = va_arg(rest, long);
    d = va_arg(rest, long);
    e = va_arg(rest, long);
    f = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_openat2)
        point("open", (int) a, (const char *) b);
    return real_syscall(number, a, b, c, d, e, f);
}

int linkat(int from_directory, const char *from, int directory, const char *to, int flags)
{
    int (*real)(int, const char *, int, const char *, int) =
        (int (*)(int, const char *, int, const char *, int)) dlsym(RTLD_NEXT, "linkat");
    point("put", directory, to);
    return real(from_directory, from, directory, to, flags);
}

int unlinkat(int directory, const char *name, int flags)
{
    int (*real)(int, const char *, int) =
        (int (*)(int, const char *, int)) dlsym(RTLD_NEXT, "unlinkat");
    point("delete", directory, name);
    return real(directory, name, flags);
}

int gethostname(char *name, size_t size)
{
    int (*real)(char *, size_t) = (int (*)(char *, size_t)) dlsym(RTLD_NEXT, "gethostname");
    if (!host[0])
        return real(name, size);
    snprintf(name, size, "%s", host);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int (*real)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, time);
    if (done == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += clock_shift;
    return done;
}
"""

# What runs tell each other by, and what they keep each other from deleting.
REPOSITORY = "/repository/clusters/main/(leases|trash|backups|packs|wal|notes|checkpoints)"


class Point:
    """One request of a run: "put", "open" (a read or a list) or "delete", and the object. Another
    run finds it by its number among those of its kind: how many others there are depends on what
    lies in the repository."""

    def __init__(self, what, path):
        self.what = what
        self.name = path.partition("/clusters/main/")[2]
        self.kind = f"{what} {self.name.partition('/')[0]}"
        self.number = 0

    @property
    def pattern(self):
        what, _, folder = self.kind.partition(" ")
        return f"^{what}\t.*/clusters/main/{folder}(/|\n)"

    def __repr__(self):
        return f"before {self.kind} {self.number}, {self.name}"


def numbered(points):
    """The same list."""
    seen = {}
    for point in points:
        point.number = seen[point.kind] = seen.get(point.kind, 0) + 1
    return points


class StoppedRun:
    def __init__(self, process, folder):
        self.process = process
        self._folder = folder

    def wait(self):
        """True when it has stopped, False when it has ended."""
        info = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return info.si_code == os.CLD_STOPPED

    def go_on(self, timeout=120):
        """Its exit status."""
        self.process.send_signal(signal.SIGCONT)
        return self.process.wait(timeout)

    def end(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def output(self):
        return (self._folder / "stdout").read_text(errors="replace")

    def messages(self):
        return (self._folder / "stderr").read_text(errors="replace")

    def points(self):
        """The requests that were made or are about to be made."""
        log = self._folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return numbered([Point(*line.split("\t")) for line in lines])


class Stopper:
    def __init__(self, scratch, pattern=REPOSITORY):
        self._scratch = scratch
        self._pattern = pattern
        self._runs = 0
        source = scratch.root / "stopper.c"
        source.write_text(STOPPER)
        self.library = source.with_suffix(".so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.library, source, "-ldl"],
                       check=True)
        self.library.chmod(0o755)

    def environment(self, host=None, clock_shift=0):
        """For runs that pretend to be of another host, or of another time, and stop nowhere."""
        env = {"LD_PRELOAD": str(self.library)}
        if host:
            env["PRETEND_HOST"] = host
        if clock_shift:
            env["CLOCK_SHIFT"] = str(clock_shift)
        return env

    def start(self, *arguments, at=None, host=None):
        """Starts pgcairn; it stops before the request that is the Point `at` of another run."""
        self._runs += 1
        folder = self._scratch.make_directory(f"stopped-{self._runs}")
        env = {**self._scratch.environment, **self.environment(host), "STOP_IN": self._pattern,
               "STOP_KIND": at.pattern if at else ".", "STOP_AT": str(at.number if at else 0),
               "STOP_LOG": str(folder / "log")}
        command = [self._scratch.program, f"--config={self._scratch.root}/config/backup.config.json",
                   "--no-progress", *arguments]
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as errors:
            for name in ("stdout", "stderr"):
                give_to_server_user(folder / name)
            process = subprocess.Popen(as_server_user(command), cwd=self._scratch.root, env=env,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        return StoppedRun(process, pathlib.Path(folder))

    def points_of(self, *arguments, host=None):
        """The requests of an undisturbed run."""
        run = self.start(*arguments, host=host)
        status = run.go_on()
        if status != 0:
            raise Failed(f"{arguments} ended with {status}:\n{run.messages()}")
        points = run.points()
        assert points, "the library saw nothing"
        return points


def one_of_each_kind(points):
    """The first and the last request of each kind, in order."""
    first, last = {}, {}
    for point in points:
        first.setdefault(point.kind, point)
        last[point.kind] = point
    return [point for point in points if point in (first[point.kind], last[point.kind])]
