"""A throwaway PostgreSQL server with pgcairn beside it, for the end-to-end tests.

Everything runs as one unprivileged user (servers refuse to run as root) in one scratch directory,
with an environment that holds nothing but what a test puts into it. PGCAIRN_BUILD_DIR names the build
whose program is tested; PGCAIRN_PG_BINDIR the server's programs.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

from fresh_clusters import FRESH_CLUSTERS

BINDIR = pathlib.Path(os.environ.get("PGCAIRN_PG_BINDIR", "/usr/lib/postgresql/15/bin"))
CLIENT_BINDIR = pathlib.Path("/usr/lib/postgresql/15/bin")
CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PGCAIRN_BUILD_DIR", "build/release")).resolve()
READER = CHECKOUT / "tools/reader/pgcairn_reader.py"
PORT = 5432  # names the socket only: nothing listens on the network


def wait_for(condition, what, timeout=60, log=lambda: ""):
    """Fails with `what` and the end of `log` when it does not come true in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {timeout} s\n{log()[-4000:]}")
        time.sleep(0.02)


def _conninfo_value(text):
    if text.replace("_", "").isalnum():
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def as_server_user(command):
    command = [str(part) for part in command]
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def give_to_server_user(path):
    if os.getuid() == 0:
        shutil.chown(path, "postgres", "postgres")


class Failed(AssertionError):
    pass


class Server:
    """One data directory and, when started, the server on it. Its socket lies in a directory of its
    own."""

    def __init__(self, scratch, data, bindir=BINDIR):
        self.scratch = scratch
        self.data = pathlib.Path(data)
        self.bindir = bindir
        self.socket = pathlib.Path(tempfile.mkdtemp(prefix="pgc-sock-", dir=scratch.root))
        give_to_server_user(self.socket)
        self.log = scratch.root / f"{self.data.name}.{self.socket.name}.log"
        self.running = False

    def initdb(self, *arguments, checksums=True):
        command = [self.bindir / "initdb", "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                   "--no-locale", *(["-k"] if checksums else []), *arguments]
        # A second server of a test has an identifier of its own, and a path among the arguments
        # lies in one test's directory.
        if self.scratch.servers[:1] == [self] and not any("/" in argument for argument in arguments):
            FRESH_CLUSTERS.copy_to(self.data, command, self.scratch.run, give_to_server_user)
        else:
            self.scratch.run([*command, "-D", self.data])
        self.configure("listen_addresses = ''", "fsync = off", "log_min_messages = info")

    def configure(self, *lines):
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("\n".join(lines) + "\n")

    def start(self, *settings, wait=True, timeout=60):
        options = [f"-c unix_socket_directories={self.socket}", f"-c port={PORT}",
                   *[f"-c {setting}" for setting in settings]]
        result = self.scratch.run(
            [self.bindir / "pg_ctl", "-D", self.data, "-l", self.log, "-o", " ".join(options),
             "-t", timeout, "-w" if wait else "-W", "start"], check=False)
        self.running = True
        if result.returncode != 0:
            raise Failed(f"the server did not start:\n{self.log_text()[-4000:]}")

    def start_recovered(self, *settings, timeout=60):
        """Starts and waits until recovery is over and the server takes writes."""
        self.start(*settings, timeout=timeout)
        deadline = time.monotonic() + timeout
        while self.sql("SELECT pg_is_in_recovery()") != "f":
            if time.monotonic() > deadline:
                raise Failed(f"recovery does not end:\n{self.log_text()[-4000:]}")
            time.sleep(0.05)

    def stop(self, mode="fast"):
        if not self.running:
            return
        self.running = False
        self.scratch.run([self.bindir / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop"],
                         check=False)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def conninfo(self, database="postgres", user="postgres"):
        return (f"host={self.socket} port={PORT} dbname={_conninfo_value(database)} "
                f"user={_conninfo_value(user)}")

    def connect(self, database="postgres", user="postgres", autocommit=True):
        connection = psycopg2.connect(self.conninfo(database, user))
        connection.autocommit = autocommit
        return connection

    def sql(self, statement, database="postgres"):
        """Rows as lines, columns parted by '|', as psql prints them."""
        return self.scratch.run(
            [CLIENT_BINDIR / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
             self.conninfo(database), "-c", statement]).stdout.rstrip("\n")

    def wait_archived(self, timeout=30):
        """Switches segments and returns when all that was written before is archived."""
        # A record of our own, so that there is a segment to end, whatever was written before.
        name = self.sql("SELECT pg_walfile_name(pg_logical_emit_message(false, 'test', 'waits'))")
        self.sql("SELECT pg_switch_wal()")
        deadline = time.monotonic() + timeout
        # The last file may be a backup's history file, which is archived after its segment.
        while self.sql(f"SELECT coalesce(max(left(last_archived_wal, 24)) >= '{name}', false) "
                       "FROM pg_stat_archiver WHERE last_archived_wal ~ '^[0-9A-F]{24}'") != "t":
            if time.monotonic() > deadline:
                raise Failed(f"{name} is not archived:\n{self.log_text()[-4000:]}")
            time.sleep(0.05)

    def archive_only_when_asked(self):
        """From now on no segment ends because time has passed."""
        self.sql("ALTER SYSTEM SET archive_timeout = 0")
        self.sql("SELECT pg_reload_conf()")

    def wait_for_archiver(self):
        """Returns when the archiver has nothing left to do: a backup's history file, too, which
        no backup waits for."""
        status = self.data / "pg_wal/archive_status"
        wait_for(lambda: not list(status.glob("*.ready")), "the end of archiving")


class Scratch:
    """The directory of one test. Use as a context manager: servers are stopped and all is removed."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pgcairn-e2e-"))
        self.root.chmod(0o755)
        give_to_server_user(self.root)
        # Copies: the checkout may lie where the server's user cannot look.
        self.program = self.root / "pgcairn"
        shutil.copy(BUILD / "pgcairn", self.program)
        self.program.chmod(0o755)
        self.reader = self.root / "reader" / READER.name
        shutil.copytree(READER.parent, self.reader.parent,
                        ignore=shutil.ignore_patterns("__pycache__"))
        if os.getuid() == 0:
            for path in (self.reader.parent, *self.reader.parent.rglob("*")):
                path.chmod(path.stat().st_mode | 0o055)
        self.servers = []
        # A program built with AddressSanitizer refuses to start behind a library of LD_PRELOAD.
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.root),
                            "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.stop("immediate")
        shutil.rmtree(self.root, ignore_errors=True)

    def server(self, name="data", bindir=BINDIR):
        server = Server(self, self.root / name, bindir)
        self.servers.append(server)
        return server

    def server_programs(self, major):
        """The folder of that version's initdb, pg_ctl and postgres: as scripts/install-servers left
        it, or a copy where the server's user cannot look into the checkout."""
        if major == 15:
            return BINDIR
        installed = CHECKOUT / f"build/postgresql/{major}"
        assert installed.exists(), f"scripts/install-servers has not installed {installed}"
        return self._within_sight(installed, "postgres", f"postgresql-{major}")

    def client_programs(self, major):
        """The folder of a pg_dump, pg_restore and psql that work with a server of that version:
        Debian's own, or what scripts/install-clients left, as server_programs()."""
        if major <= 15:
            return CLIENT_BINDIR
        # Debian has no client of 16.
        installed = CHECKOUT / f"build/clients/{max(major, 17)}"
        assert installed.exists(), f"scripts/install-clients has not installed {installed}"
        return self._within_sight(installed, "pg_dump", f"clients-{max(major, 17)}")

    def _within_sight(self, installed, program, name):
        if self.run(["test", "-x", installed / "bin" / program], check=False).returncode == 0:
            return installed / "bin"
        copy = self.root / name
        if not copy.exists():
            shutil.copytree(installed, copy, symlinks=True)
        return copy / "bin"

    def make_directory(self, name):
        path = self.root / name
        path.mkdir(mode=0o700)
        give_to_server_user(path)
        return path

    def run(self, command, check=True, env=None, cwd=None, timeout=300, input=None):
        result = subprocess.run(
            as_server_user(command), capture_output=True, text=True, errors="replace",
            env={**self.environment, **(env or {})}, cwd=cwd or self.root, timeout=timeout,
            input=input, check=False)
        if check and result.returncode != 0:
            raise Failed(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
        return result

    # pgcairn, with the configuration in root/config.

    def write_config(self, server, **sections):
        """config/backup.config.json for that server; keywords add or replace sections.

        In one step: a server may run restore_command or archive_command at this moment, and a standby
        ends when its restore_command finds half a configuration."""
        config = {"cluster": {"connection": server.conninfo()},
                  "storage": {"local_path": str(self.root / "repository")}}
        for name, values in sections.items():
            config.setdefault(name, {}).update(values)
        directory = self.root / "config"
        directory.mkdir(exist_ok=True)
        path = directory / "backup.config.json"
        written = directory / "backup.config.json.new"
        written.write_text(json.dumps(config, indent=2))
        written.chmod(0o600)
        for item in (directory, written):
            give_to_server_user(item)
        written.rename(path)
        return path

    def pgcairn(self, *arguments, check=True, env=None, cwd=None, timeout=300):
        return self.run([self.program, f"--config={self.root}/config/backup.config.json",
                         "--no-progress", *arguments], check=check, env=env, cwd=cwd,
                        timeout=timeout)

    def pgcairn_json(self, *arguments, **options):
        return json.loads(self.pgcairn("--output=json", *arguments, **options).stdout)

    def protect(self, server, env=None, **sections):
        """init, archiving switched on, server started: ready for a backup. Returns init's report."""
        self.write_config(server, **sections)
        if not server.running:
            server.start()
        report = self.pgcairn_json("init", env=env)
        server.configure(*report["postgresql_conf"])
        server.stop()
        server.start()
        return report


def kill(process):
    """Ends a process that a test started, at once."""
    process.send_signal(signal.SIGKILL)
    process.wait()
