"""Libraries for LD_PRELOAD that change how a program writes, or reads what it wrote, or begins."""

import subprocess

# A server that writes each page in two halves, with a pause between them: what a backup reads
# meanwhile is torn, as it may be on any machine.
PAGES_IN_HALVES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);

static ssize_t in_halves(const char *name, int fd, const void *bytes, size_t size, off_t offset)
{
    pwrite_function real = (pwrite_function) dlsym(RTLD_NEXT, name);
    struct timespec pause = {0, PAUSE_US * 1000L};
    ssize_t first, second;
    if (size != 8192)
        return real(fd, bytes, size, offset);
    first = real(fd, bytes, 4096, offset);
    if (first != 4096)
        return first;
    nanosleep(&pause, NULL);
    second = real(fd, (const char *) bytes + 4096, 4096, offset + 4096);
    return second < 0 ? second : first + second;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return in_halves("pwrite", fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return in_halves("pwrite64", fd, bytes, size, offset);
}
"""

# A slow disk: what is stored takes 64 KiB at a time, so that most of a run is spent in storing.
SLOW_STORING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/uio.h>
#include <time.h>

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    typedef ssize_t (*writev_function)(int, const struct iovec *, int);
    writev_function real = (writev_function) dlsym(RTLD_NEXT, "writev");
    struct timespec pause = {0, PAUSE_US * 1000L};
    struct iovec first = parts[0];
    if (first.iov_len > 65536)
        first.iov_len = 65536;
    nanosleep(&pause, NULL);
    return real(fd, &first, 1);
}
"""

# A file system that cannot take room without writing, as NFS before 4.2. Leaves a mark.
NO_FALLOCATE = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    close(open(getenv("FALLOCATE_CALLED"), O_WRONLY | O_CREAT, 0600));
    errno = EOPNOTSUPP;
    return -1;
}

int fallocate64(int fd, int mode, off_t offset, off_t size)
{
    return fallocate(fd, mode, offset, size);
}
"""

# A disk that changes a byte of a pack on the way: of the one that is stored as number FLIPPED_PACK,
# after it got its name.
FLIPPING_PACKS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int packs;

int linkat(int from, const char *old, int to, const char *name, int flags)
{
    typedef int (*linkat_function)(int, const char *, int, const char *, int);
    linkat_function real = (linkat_function) dlsym(RTLD_NEXT, "linkat");
    int result = real(from, old, to, name, flags);
    if (result == 0 && strlen(name) == 64 && ++packs == atoi(getenv("FLIPPED_PACK"))) {
        int fd = openat(to, name, O_RDWR);
        struct stat info;
        char byte;
        if (fd < 0 || fstat(fd, &info) != 0 || pread(fd, &byte, 1, info.st_size / 2) != 1)
            abort();
        byte ^= 1;
        if (pwrite(fd, &byte, 1, info.st_size / 2) != 1)
            abort();
        close(fd);
    }
    return result;
}
"""

# A disk that cannot read packs.
UNREADABLE_PACKS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_pack(int fd)
{
    char link[64], path[4096];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return strstr(path, "/packs/") != NULL;
}

static ssize_t read_other(const char *function, int fd, void *bytes, size_t size, off_t offset)
{
    typedef ssize_t (*pread_function)(int, void *, size_t, off_t);
    pread_function real = (pread_function) dlsym(RTLD_NEXT, function);
    if (is_pack(fd)) {
        errno = EIO;
        return -1;
    }
    return real(fd, bytes, size, offset);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return read_other("pread", fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off_t offset)
{
    return read_other("pread64", fd, bytes, size, offset);
}

/* glibc's own, where the compiler knows the size of what is read into. */
ssize_t __pread_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
    (void) room;
    return pread(fd, bytes, size, offset);
}

ssize_t __pread64_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
    (void) room;
    return pread64(fd, bytes, size, offset);
}
"""

# Ends or stops the process before its n-th change of a name, when everything before it is done:
# SIGNAL_AT and SIGNAL in the environment. On a local directory these are the puts and deletes.
SIGNAL_BEFORE_NAMING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static void count(void)
{
    static int calls;
    if (++calls == atoi(getenv("SIGNAL_AT")))
        raise(atoi(getenv("SIGNAL")));
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    count();
    return REAL(linkat)(from, old, to, new, flags);
}

int unlinkat(int directory, const char *name, int flags)
{
    count();
    return REAL(unlinkat)(directory, name, flags);
}

int rename(const char *old, const char *new)
{
    count();
    return REAL(rename)(old, new);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned int flags)
{
    count();
    return REAL(renameat2)(from, old, to, new, flags);
}
"""

# Every program stops before its first instruction, and waits for SIGCONT.
STOPPED_AT_FIRST = r"""
#include <signal.h>

__attribute__((constructor)) static void stop(void)
{
    raise(SIGSTOP);
}
"""


def build_library(scratch, source, pause_us=0):
    """Returns its path."""
    text = scratch.root / f"preloaded-{pause_us}.c"
    text.write_text(source)
    library = text.with_suffix(".so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", f"-DPAUSE_US={pause_us}", "-o", library, text,
                    "-ldl"], check=True)
    library.chmod(0o755)
    return library
