"""Nothing secret is seen by those who may look: in process lists, logs, output, core dumps, the
repository and restored files; and nothing that pgcairn writes is open to others."""

import base64
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
import unittest.mock

import pytest

from preloaded_writes import STOPPED_AT_FIRST, build_library
from scratch import READER, Failed, Scratch, as_server_user, give_to_server_user
from tree_state import too_open

sys.path.insert(0, str(READER.parent))
from pgcairn_format import access_key, cluster as cluster_module  # noqa: E402
from pgcairn_format.access_key import Credentials, read_key_file  # noqa: E402
from pgcairn_format.storage import Storage  # noqa: E402

PASSPHRASE = "Pass-phrase-that-nobody-may-see-4711"
PASSWORD = "Pass-word-of-the-connection-0815"


def forms(secret):
    """A secret's bytes as they may turn up."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield base64.b64encode(secret).rstrip(b"=")


def keys_of(scratch):
    """The root secret and the opened cluster, as the independent reader finds them."""
    storage = Storage(str(scratch.root / "repository"))
    private = read_key_file(str(scratch.root / "storage/encryption/host.key"))
    credentials = Credentials(private_half=private, passphrase=None)
    roots = []

    def remember(*arguments):
        roots.append(access_key.open_root(*arguments))
        return roots[-1]

    with unittest.mock.patch.object(cluster_module, "open_root", remember):
        cluster = cluster_module.open_cluster(storage, "main", credentials, lambda _: None)
    return roots[-1], cluster


class Guarded:
    """A server that wants a password; password and passphrase only in .env."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.server = server = scratch.server()
        server.initdb()
        server.start()
        server.sql(f"CREATE ROLE guard SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all guard scram-sha-256\n" + hba.read_text())
        server.configure("log_statement = all", "log_connections = on")
        self.url = f"postgresql://guard:{PASSWORD}@/postgres?host={server.socket}"
        env_file = scratch.root / ".env"
        env_file.write_text(f"DATABASE_URL={self.url}\nBACKUP_ENCRYPTION_KEY={PASSPHRASE}\n")
        env_file.chmod(0o600)
        give_to_server_user(env_file)
        self.output = []
        self.known = {}
        scratch.write_config(server)
        config = scratch.root / "config/backup.config.json"
        text = json.loads(config.read_text())
        del text["cluster"]["connection"]
        config.write_text(json.dumps(text))
        report = json.loads(self.run("--output=json", "init").stdout)
        server.configure(*report["postgresql_conf"])
        server.stop()
        # The password was set before: from here on it may be in no log.
        server.log.unlink()
        server.start()

    def run(self, *arguments, status=0, env=None):
        result = self.scratch.pgcairn("--log-level=debug", *arguments, check=False, env=env)
        self.output += [result.stdout, result.stderr]
        assert result.returncode == status, result.stderr
        return result

    def secrets(self):
        """Everything that must not be seen, by name."""
        if not self.known:
            root, cluster = keys_of(self.scratch)
            key = (self.scratch.root / "storage/encryption/host.key").read_text().split()[-1]
            self.known = {"passphrase": PASSPHRASE.encode(), "password": PASSWORD.encode(),
                          "host key": bytes.fromhex(key), "root": root,
                          "fingerprint secret": cluster.fingerprint_secret,
                          "WAL identity key": cluster.wal_identity_key,
                          **{f"data key {i}": data_key
                             for i, data_key in enumerate(cluster.data_keys.values())}}
        return self.known

    def found(self, data):
        return [name for name, secret in self.secrets().items()
                if any(form in data for form in forms(secret))]


@pytest.fixture(name="guarded", scope="module")
def _guarded():
    with Scratch() as scratch:
        yield Guarded(scratch)


def descendants(pid):
    """The process and all below it that still live."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    found, front = {pid}, {pid}
    while front:
        front = {child for child, parent in parents.items() if parent in front} - found
        found |= front
    return found


def is_stopped(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def look_at(pid, seen):
    for name in ("cmdline", "environ", "comm"):
        try:
            content = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            continue
        if content:
            seen.setdefault(name, set()).add(content)


def watched(guarded, *arguments):
    """Runs pgcairn and collects what /proc shows of it and of all that it starts. Each program waits
    at its beginning until it has been looked at, however short it is."""
    library = build_library(guarded.scratch, STOPPED_AT_FIRST)
    command = as_server_user([guarded.scratch.program, "--no-progress", "--log-level=debug",
                              f"--config={guarded.scratch.root}/config/backup.config.json",
                              *arguments])
    seen = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**guarded.scratch.environment, "LD_PRELOAD": str(library)},
                          cwd=guarded.scratch.root) as process:
        while process.poll() is None:
            for pid in descendants(process.pid):
                stopped = is_stopped(pid)
                look_at(pid, seen)
                if stopped:
                    os.kill(pid, signal.SIGCONT)
            time.sleep(0.002)
        out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    guarded.output += [out.decode(), err.decode()]
    return seen


def test_processes_show_no_secret(guarded):
    guarded.server.sql("CREATE TABLE IF NOT EXISTS load AS "
                       "SELECT g, md5(g::text) FROM generate_series(1, 200000) g")
    backup = watched(guarded, "backup")
    drill = watched(guarded, "restore", "--test")
    assert any(b"backup" in line for line in backup["cmdline"])
    # The trial's own server was among those watched.
    assert any(b"/bin/postgres\0-D\0" in line for line in drill["cmdline"])
    assert any(b"wal\0fetch\0" in line for line in drill["cmdline"])
    for seen in (backup, drill):
        for name, contents in seen.items():
            for content in contents:
                assert guarded.found(content) == [], f"{name}: {content[:300]}"


@pytest.mark.slow
def test_output_logs_repository_and_restored_files_hold_no_secret(guarded):
    scratch, server = guarded.scratch, guarded.server
    guarded.run("key", "rotate")
    guarded.run("--output=json", "key", "add", f"--key-file={scratch.root}/storage/second.key")
    guarded.known = {}
    guarded.run("backup", "--note=noted")
    server.wait_archived()
    for verb in (["list"], ["show"], ["check"], ["key", "list"], ["backup", "--test"], ["restore", "--test"]):
        guarded.run(*verb)
        guarded.run("--output=json", *verb)
    guarded.run("restore", f"--target-dir={scratch.root}/restored")
    guarded.run("init")
    guarded.run("wal", "fetch", "0000000100000000000000FF", "nowhere", status=1)
    for text in guarded.output:
        assert guarded.found(text.encode()) == [], text[:2000]
    assert "restore_command" in (scratch.root / "restored/postgresql.auto.conf").read_text()
    allowed = {scratch.root / ".env": ["passphrase", "password"],
               scratch.root / "storage/encryption/host.key": ["host key"]}
    looked_at = 0
    for path in scratch.root.rglob("*"):
        # base/ and the log of changes hold what the server wrote: the role's verifier, no secret.
        if path.is_symlink() or not path.is_file():
            continue
        looked_at += 1
        found = guarded.found(path.read_bytes())
        if path in allowed:
            assert sorted(found) == sorted(allowed[path]), path
        elif server.data / "pg_wal" not in path.parents:
            assert found == [], path
    assert looked_at > 1000


@pytest.mark.slow
def test_a_passphrase_is_never_part_of_what_init_prints(scratch):
    server = scratch.server()
    server.initdb()
    server.start()
    scratch.write_config(server)
    result = scratch.pgcairn("init", env={"BACKUP_ENCRYPTION_KEY": PASSPHRASE})
    assert "recovery sheet" in result.stdout
    assert PASSPHRASE not in result.stdout + result.stderr
    host = (scratch.root / "storage/encryption/host.key").read_text().split()[-1]
    assert host not in result.stdout + result.stderr


@pytest.mark.slow
def test_without_a_passphrase_the_recovery_key_never_enters_json(scratch):
    server = scratch.server()
    server.initdb()
    server.start()
    scratch.write_config(server)
    result = scratch.pgcairn("--output=json", "init")
    line, = [text for text in result.stderr.splitlines() if text.startswith("PGCAIRN")
             or len(text.split()) == 3 and len(text.split()[-1]) == 64]
    recovery = line.split()[-1]
    assert recovery not in result.stdout
    host = (scratch.root / "storage/encryption/host.key").read_text().split()[-1]
    assert recovery != host and host not in result.stdout + result.stderr
    # It opens the repository when the host's key is gone: the sheet is worth its paper.
    key = scratch.root / "storage/encryption/host.key"
    key.write_text(line + "\n")
    assert scratch.pgcairn("list").returncode == 0


# Core dumps

def test_a_crash_leaves_no_core_and_nobody_may_attach(guarded):
    scratch, server = guarded.scratch, guarded.server
    command = server.sql("SHOW archive_command").replace("'", "''")
    server.sql("ALTER SYSTEM SET archive_command = 'false'")
    server.sql("SELECT pg_reload_conf()")
    folder = scratch.make_directory("cores")

    def allow_cores():
        resource.setrlimit(resource.RLIMIT_CORE,
                           (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)

    process = subprocess.Popen(
        as_server_user([scratch.program, "--no-progress",
                        f"--config={scratch.root}/config/backup.config.json", "backup"]),
        env=scratch.environment, cwd=folder, preexec_fn=allow_cores,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # It waits for the archive, with the keys in its memory.
        deadline = time.monotonic() + 30
        while not list((scratch.root / "repository").glob("clusters/main/leases/*")):
            if time.monotonic() > deadline or process.poll() is not None:
                raise Failed("the backup does not wait")
            time.sleep(0.02)
        proc = pathlib.Path(f"/proc/{process.pid}")
        limit, = [line for line in (proc / "limits").read_text().splitlines()
                  if line.startswith("Max core file size")]
        assert limit.split()[4:6] == ["0", "0"]
        # The files of a process that may not be dumped belong to root, whoever runs it.
        assert (proc / "mem").stat().st_uid == 0
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        server.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
        server.sql("SELECT pg_reload_conf()")
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)
    assert list(folder.iterdir()) == []


# Modes

@pytest.mark.slow
@pytest.mark.parametrize("umask", ["000", "077"])
def test_nothing_written_is_open_to_others_whatever_the_umask(unprotected, umask):
    scratch, server = unprotected
    base = scratch.make_directory("base")
    # Configuration that lies elsewhere comes back to TARGET.config.
    outside = scratch.make_directory("outside")
    for name in ("pg_hba.conf", "pg_ident.conf"):
        (server.data / name).rename(outside / name)
    server.configure(f"hba_file = '{outside}/pg_hba.conf'",
                     f"ident_file = '{outside}/pg_ident.conf'")
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
    server.sql("CREATE TABLE kept TABLESPACE side AS SELECT 1")

    def run(*arguments):
        return scratch.run(["sh", "-c", f"umask {umask}; exec \"$@\"", "sh", scratch.program,
                            "--no-progress", "--output=json", *arguments], cwd=base,
                           env={"DATABASE_URL": server.conninfo()}).stdout

    report = json.loads(run("init"))
    server.configure(*report["postgresql_conf"])
    server.stop()
    # The archiver's pushes run under the umask of the server.
    server.start()
    run("backup")
    segment = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.wait_archived()
    run("wal", "fetch", segment, "fetched")
    run("restore", f"--target-dir={base}/restored", f"--tablespace-map={place}={base}/space")
    assert (base / "restored.config").exists()
    assert (base / "config/backup.config.json").exists()
    assert (base / "storage/encryption/host.key").exists()
    assert too_open(base) == []


# Messages

@pytest.mark.parametrize("url", [
    f"postgresql://guard:{PASSWORD}@no-such-host.invalid/postgres",
    f"postgresql://guard:{PASSWORD}@127.0.0.1:1/postgres",
    f"postgresql://guard:{PASSWORD}@/postgres?host=/no/such/socket",
    f"postgresql://guard:{PASSWORD}@127.0.0.1:port/postgres",
    f"postgresql://guard:{PASSWORD}@[::1/postgres",
    f"postgresql://guard:{PASSWORD}%zz@/postgres",
    f"postgresql:/guard:{PASSWORD}@host/postgres",
    f"postgres//guard:{PASSWORD}@host/postgres",
    f"mysql://guard:{PASSWORD}@host/postgres",
    f"postgresql://guard@host/postgres?password={PASSWORD}&nonsense=1",
    f"host=/no/such/socket user=guard password={PASSWORD}",
    f"host=/no/such/socket password='{PASSWORD}",
    f"host=/no/such/socket pasword={PASSWORD}",
    f"host=/no/such/socket password {PASSWORD}",
    "SOCKET",
], ids=range(15))
def test_no_message_holds_the_password_of_the_connection(guarded, url):
    wrong = PASSWORD + "-wrong"
    if url == "SOCKET":
        url = f"postgresql://guard:{wrong}@/postgres?host={guarded.server.socket}"
    for verb in ("backup", "check", "init"):
        for output in ("text", "json"):
            result = guarded.scratch.pgcairn("--log-level=debug", f"--output={output}", verb,
                                             check=False, env={"DATABASE_URL": url})
            assert result.returncode != 0
            assert result.stdout + result.stderr
            assert PASSWORD not in result.stdout + result.stderr, result.stderr
    # From the file, too.
    config = guarded.scratch.make_directory(f"wrong-{abs(hash(url))}") / "backup.config.json"
    config.write_text(json.dumps({"cluster": {"connection": url}}))
    config.chmod(0o600)
    give_to_server_user(config)
    result = guarded.scratch.run([guarded.scratch.program, f"--config={config}", "backup"],
                                 check=False)
    assert result.returncode != 0
    assert PASSWORD not in result.stdout + result.stderr, result.stderr
    config.unlink()
