"""What a program would have left on the disk if the power had failed: from a record of its calls.

A library for LD_PRELOAD writes down every call that makes, fills, names or syncs something, after
it was made. `Disk` plays the record and knows at each point what no sync has reached yet: written
bytes until a sync of their file, names until a sync of their directory, both until a sync of the
tree that they lie in. Beside them stands where the kernel is told to forget what it keeps of a file.
"""

import subprocess

RECORDER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static void put_down(const char *what, const struct stat *info, const char *path, int fd)
{
    char line[2 * PATH_MAX];
    int saved = errno;
    int size = snprintf(line, sizeof line, "%s\t%lu:%lu\t%s\t%d\n", what, info->st_dev, info->st_ino,
                        path, fd);
    int record = syscall(SYS_openat, AT_FDCWD, getenv("RECORD"), O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (record < 0 || syscall(SYS_write, record, line, size) != size)
        abort();
    syscall(SYS_close, record);
    errno = saved;
}

static void note_fd(const char *what, int fd)
{
    char link[64], path[PATH_MAX];
    struct stat info;
    int saved = errno;
    ssize_t size;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, sizeof path - 1);
    if (size > 0 && fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        path[size] = 0;
        put_down(what, &info, path, fd);
    }
    errno = saved;
}

static void whole_path(int directory, const char *name, char *path)
{
    char link[64];
    ssize_t size = 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
             directory);
    size = readlink(link, path, PATH_MAX - 1);
    snprintf(path + size, PATH_MAX - size, "/%s", name);
}

static void note_name(const char *what, int directory, const char *name)
{
    char path[PATH_MAX];
    struct stat info = {0};
    int saved = errno;
    whole_path(directory, name, path);
    fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW);
    put_down(what, &info, path, -1);
    errno = saved;
}

static int opened(const char *function, int directory, const char *name, int flags, mode_t mode)
{
    int (*real)(int, const char *, int, ...) =
        (int (*)(int, const char *, int, ...)) dlsym(RTLD_NEXT, function);
    struct stat info;
    int saved = errno;
    int absent = (flags & O_CREAT) && fstatat(directory, name, &info, 0) != 0;
    int fd;
    errno = saved;
    fd = real(directory, name, flags, mode);
    if (fd >= 0 && absent)
        note_name("create", directory, name);
    if (fd >= 0 && (flags & O_TMPFILE) == O_TMPFILE)
        note_fd("write", fd);
    if (fd >= 0 && (flags & O_DIRECTORY) && (flags & O_TMPFILE) != O_TMPFILE)
        note_fd("open", fd);
    return fd;
}

#define OPENED(function, directory)                       \
    mode_t mode = 0;                                      \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode = va_arg(rest, mode_t);                      \
        va_end(rest);                                     \
    }                                                     \
    return opened(function, directory, name, flags, mode);

int open(const char *name, int flags, ...) { OPENED("openat", AT_FDCWD) }
int open64(const char *name, int flags, ...) { OPENED("openat64", AT_FDCWD) }
int openat(int directory, const char *name, int flags, ...) { OPENED("openat", directory) }
int openat64(int directory, const char *name, int flags, ...) { OPENED("openat64", directory) }

#define CHANGED(type, function, parameters, arguments)    \
    type function parameters                              \
    {                                                     \
        type done = REAL(function) arguments;             \
        if (done >= 0)                                    \
            note_fd("write", fd);                         \
        return done;                                      \
    }

CHANGED(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
CHANGED(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
CHANGED(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
CHANGED(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
CHANGED(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
CHANGED(ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))
CHANGED(int, ftruncate, (int fd, off_t size), (fd, size))
CHANGED(int, ftruncate64, (int fd, off64_t size), (fd, size))
CHANGED(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
CHANGED(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size))

#define SYNCED(function, what)                            \
    int function(int fd)                                  \
    {                                                     \
        int done = REAL(function)(fd);                    \
        if (done == 0)                                    \
            note_fd(what, fd);                            \
        return done;                                      \
    }

SYNCED(fsync, "sync")
SYNCED(fdatasync, "sync")
SYNCED(syncfs, "sync tree")

static int advised(int fd, int advice, int done)
{
    if (done == 0 && advice == POSIX_FADV_DONTNEED)
        note_fd("forget", fd);
    return done;
}

int posix_fadvise(int fd, off_t at, off_t size, int advice)
{
    return advised(fd, advice, REAL(posix_fadvise)(fd, at, size, advice));
}

int posix_fadvise64(int fd, off64_t at, off64_t size, int advice)
{
    return advised(fd, advice, REAL(posix_fadvise64)(fd, at, size, advice));
}

#define NAMED(what, function, parameters, arguments, directory, name) \
    int function parameters                               \
    {                                                     \
        int done = REAL(function) arguments;              \
        if (done == 0)                                    \
            note_name(what, directory, name);             \
        return done;                                      \
    }

NAMED("name", mkdir, (const char *to, mode_t mode), (to, mode), AT_FDCWD, to)
NAMED("name", mkdirat, (int fd, const char *to, mode_t mode), (fd, to, mode), fd, to)
NAMED("name", symlink, (const char *text, const char *to), (text, to), AT_FDCWD, to)
NAMED("name", symlinkat, (const char *text, int fd, const char *to), (text, fd, to), fd, to)
NAMED("name", link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
NAMED("name", linkat, (int from_fd, const char *from, int fd, const char *to, int flags),
      (from_fd, from, fd, to, flags), fd, to)
NAMED("gone", unlink, (const char *from), (from), AT_FDCWD, from)
NAMED("gone", unlinkat, (int fd, const char *from, int flags), (fd, from, flags), fd, from)
NAMED("gone", rmdir, (const char *from), (from), AT_FDCWD, from)

static int moved(int from_fd, const char *from, int fd, const char *to, int done)
{
    if (done == 0) {
        note_name("name", fd, to);
        note_name("gone", from_fd, from);
    }
    return done;
}

int rename(const char *from, const char *to)
{
    return moved(AT_FDCWD, from, AT_FDCWD, to, REAL(rename)(from, to));
}

int renameat(int from_fd, const char *from, int fd, const char *to)
{
    return moved(from_fd, from, fd, to, REAL(renameat)(from_fd, from, fd, to));
}

int renameat2(int from_fd, const char *from, int fd, const char *to, unsigned flags)
{
    return moved(from_fd, from, fd, to, REAL(renameat2)(from_fd, from, fd, to, flags));
}
"""

# What a name may be while its file is being written.
TEMPORARY = ("/.tmp-", ".pgcairn-tmp.")


class Recorder:
    """Runs commands with the library; one record for each run."""

    def __init__(self, scratch):
        self.scratch = scratch
        source = scratch.root / "recorder.c"
        source.write_text(RECORDER)
        self.library = source.with_suffix(".so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.library, source, "-ldl"],
                       check=True)
        self.library.chmod(0o755)
        self.record = scratch.root / "record"

    def run(self, *arguments, config=None, at_name=None):
        """A run of pgcairn that must succeed. Returns the disk after it; `at_name`, a function, is
        called with the disk and the path whenever a path has got its name."""
        self.record.unlink(missing_ok=True)
        config = config or f"{self.scratch.root}/config/backup.config.json"
        self.scratch.run([self.scratch.program, f"--config={config}", "--no-progress", *arguments],
                         env={"LD_PRELOAD": str(self.library), "RECORD": str(self.record)})
        disk = Disk(self.scratch.root, at_name)
        for call in self.calls():
            disk.play(*call)
        assert disk.calls > 0, "the library saw nothing"
        return disk

    def calls(self):
        """Of the last run: what was done, inode, path, descriptor."""
        return [line.split("\t") for line in self.record.read_text().splitlines()]


class Disk:
    """What the calls so far have made, and what of it no sync has reached."""

    def __init__(self, root, at_name=None):
        self.root = str(root)
        self.at_name = at_name
        self.calls = 0
        self.unsynced_files = {}  # inode -> the last path that it was seen under
        self.written_since = {}  # inode -> the number of the call that unsynced bytes begin with
        self.opened = {}  # descriptor of a directory -> the number of the call
        self.unsynced_names = {}  # path -> the directory that holds it
        self.named = {}  # path -> inode, of what the run itself named
        self.published = {}  # the same, of files that were made under another name or none
        self.too_early = []  # names that a file got before its bytes were synced
        self.unnoticed = []  # files whose failed writes a sync of a tree could have missed
        self.too_late = []  # names of files that were written to when they had them

    def play(self, call, inode, path, fd):
        path = path.removesuffix(" (deleted)")
        if not self._below(path, self.root):
            return
        self.calls += 1
        if call in ("write", "create"):
            if inode not in self.unsynced_files:
                self.written_since[inode] = self.calls
            self.unsynced_files[inode] = path
            if self.published.get(path) == inode:
                self.too_late.append(path)
        if call == "sync":
            self.unsynced_files.pop(inode, None)
            self._names_reached(lambda name, folder: folder == path)
        elif call == "open":
            self.opened[fd] = self.calls
        elif call == "sync tree":
            for reached in [i for i, p in self.unsynced_files.items() if self._below(p, path)]:
                if self.written_since[reached] < self.opened[fd]:
                    self.unnoticed.append(self.unsynced_files[reached])
                del self.unsynced_files[reached]
            self._names_reached(lambda name, folder: self._below(name, path))
        elif call == "gone":
            was = self.named.pop(path, None)
            self.published.pop(path, None)
            if self.unsynced_files.get(was) == path:
                del self.unsynced_files[was]
            self.unsynced_names[path] = path.rpartition("/")[0]
        elif call in ("name", "create"):
            self._name(call, inode, path)

    def _name(self, call, inode, path):
        replaced = self.named.get(path)
        if replaced != inode:
            self.unsynced_files.pop(replaced, None)
        if inode in self.unsynced_files:
            self.unsynced_files[inode] = path
        self.named[path] = inode
        self.unsynced_names[path] = path.rpartition("/")[0]
        if any(mark in path for mark in TEMPORARY):
            return
        if call == "name":
            self.published[path] = inode
            if inode in self.unsynced_files:
                self.too_early.append(path)
            if self.at_name:
                self.at_name(self, path)

    def _names_reached(self, reached):
        for name in [n for n, folder in self.unsynced_names.items() if reached(n, folder)]:
            del self.unsynced_names[name]

    @staticmethod
    def _below(path, folder):
        return path == folder or path.startswith(folder + "/")

    def lost(self, without=()):
        """Paths whose content or name a power failure would take or bring back now. Paths with one
        of the texts `without` in them do not count."""
        paths = {*self.unsynced_files.values(), *self.unsynced_names}
        return sorted(path for path in paths if not any(text in path for text in without))
