"""Peak memory is bounded, whatever the size of the cluster and the number of its files."""

import shutil

import pytest

from bulk_rows import make_bulk
from peak_memory import peak_mib
from scratch import CLIENT_BINDIR, give_to_server_user

LIMIT_MIB = 256
# Packs of 16 MiB on their way to the storage: the larger a cluster, the more often do as many meet
# as ever can (two being built, two waiting, two being stored).
SLACK_MIB = 6 * 16
# For each file a backup keeps its name and a few numbers while it runs.
PER_FILE_BYTES = 1024


def peaks(scratch):
    """{verb: MiB} of a backup, of proving all there is, and of a restore."""
    target = scratch.root / "restored"
    found = {"backup": peak_mib(scratch, "backup"),
             "verify": peak_mib(scratch, "verify"),
             "restore": peak_mib(scratch, "restore", f"--target-dir={target}")}
    shutil.rmtree(target)
    print({verb: f"{mib:.0f} MiB" for verb, mib in found.items()})
    return found


def grow(server, megabytes):
    """Half of it rows that hardly compress, half pgbench's."""
    make_bulk(server, megabytes // 2, f"bulk{megabytes}")
    server.scratch.run([CLIENT_BINDIR / "pgbench", "-i", "-q", "-I", "dtg", "-s",
                        megabytes // 2 // 13, server.conninfo()], timeout=1800)


@pytest.mark.slow
@pytest.mark.parametrize("small_mib, large_mib", [
    (200, 600), pytest.param(1024, 4096, marks=pytest.mark.soak)])
def test_memory_does_not_grow_with_the_cluster(scratch, small_mib, large_mib):
    server = scratch.server()
    server.initdb()
    server.configure("max_wal_size = 2GB")
    server.start()
    grow(server, small_mib)
    scratch.protect(server, performance={"jobs": 2})
    small = peaks(scratch)
    grow(server, large_mib)
    size = int(server.sql("SELECT sum(pg_database_size(oid)) FROM pg_database"))
    assert size > large_mib * 0.9 * (1 << 20)
    large = peaks(scratch)
    for verb, mib in large.items():
        assert mib < LIMIT_MIB, verb
        assert mib < small[verb] + SLACK_MIB, verb


@pytest.mark.slow
def test_memory_hardly_grows_with_the_number_of_files(protected):
    scratch, server = protected
    few = peaks(scratch)
    files = 20000
    folder = server.data / "many"
    folder.mkdir(mode=0o700)
    for number in range(files):
        if number % 1000 == 0:
            part = folder / f"{number // 1000}"
            part.mkdir(mode=0o700)
            give_to_server_user(part)
        path = part / f"{number}.txt"
        path.write_text(f"{number}\n")
        give_to_server_user(path)
    give_to_server_user(folder)
    many = peaks(scratch)
    for verb, mib in many.items():
        assert mib < LIMIT_MIB, verb
        assert mib < few[verb] + SLACK_MIB + files * PER_FILE_BYTES / (1 << 20), verb
