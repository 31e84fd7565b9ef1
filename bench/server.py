"""A private PostgreSQL server on one data directory: no network, a socket of its own."""

import pathlib
import signal
import subprocess
import tempfile
import time

import psycopg2

from measured_process import CommandFailed

BINDIR = pathlib.Path("/usr/lib/postgresql/15/bin")
PORT = 5432  # names the socket only: nothing listens on the network
# What is archived while nobody is measured goes nowhere.
NO_ARCHIVE = "/bin/true"
START_TIMEOUT_S = 600  # recovery of a restored cluster included
STOP_TIMEOUT_S = 120


class Server:
    """Use as a context manager: the server runs inside it and is stopped at its end."""

    def __init__(self, runner, data, settings=None):
        self.data = pathlib.Path(data)
        # A path to a socket may not be longer than 107 bytes: not below the data directory.
        self.socket = pathlib.Path(tempfile.mkdtemp(prefix="s-", dir=runner.directory))
        self.log = self.socket / "server.log"
        self._environment = runner.environment
        self._settings = {"listen_addresses": "", "unix_socket_directories": self.socket,
                          "port": PORT, "autovacuum": "off", **(settings or {})}
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    def __enter__(self):
        options = [part for name, value in self._settings.items()
                   for part in ("-c", f"{name}={value}")]
        with open(self.log, "wb") as log:
            # In a session of its own: Ctrl-C in the terminal reaches the benchmark, which then stops
            # the server itself.
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                [BINDIR / "postgres", "-D", self.data, *options], env=self._environment,
                cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        try:
            self._wait_until_it_takes_writes()
        except BaseException:
            self._stop(signal.SIGQUIT)
            raise
        return self

    def __exit__(self, error, *_):
        # Fast, or at once when something went wrong.
        self._stop(signal.SIGQUIT if error else signal.SIGINT)

    def _stop(self, how):
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _wait_until_it_takes_writes(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if self.query("SELECT pg_is_in_recovery()") == [(False,)]:
                    return
            except psycopg2.OperationalError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CommandFailed(f"the server on {self.data} does not start:\n"
                                    f"{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def conninfo(self, database="postgres"):
        return f"host={self.socket} port={PORT} dbname={database} user=postgres"

    def connect(self, database="postgres"):
        connection = psycopg2.connect(self.conninfo(database))
        connection.autocommit = True
        return connection

    def query(self, statement, parameters=None, seed=None, database="postgres"):
        """With a seed, from -1 to 1, random() of the statement gives the same each time."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                if seed is not None:
                    cursor.execute("SELECT setseed(%s)", (seed,))
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def archive_with(self, command):
        """Makes `command` the archive_command, after all that is due has gone to the one before."""
        self.query("SELECT pg_switch_wal()")
        self._wait_for("SELECT count(*) = 0 FROM pg_ls_archive_statusdir() WHERE name ~ 'ready$'",
                       "WAL is not archived")
        self.query("ALTER SYSTEM SET archive_command = %s", (command,))
        self.query("SELECT pg_reload_conf()")
        # A new session has what the postmaster read, and that tells the archiver right after reading.
        self._wait_for("SELECT current_setting('archive_command') = %s",
                       "archive_command is not taken over", (command,))

    def _wait_for(self, question, otherwise, parameters=None, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while self.query(question, parameters) != [(True,)]:
            if time.monotonic() > deadline:
                raise CommandFailed(f"{otherwise}; the server says:\n"
                                    f"{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)


def create_cluster(runner, data):
    """An empty cluster with data checksums."""
    runner.run([BINDIR / "initdb", "-D", data, "-k", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                "--no-locale", "--no-sync"])


def archive_nowhere(data):
    """What the archive_command of a stopped server is to be when it starts, whatever an interrupted
    run left behind."""
    (pathlib.Path(data) / "postgresql.auto.conf").write_text(f"archive_command = '{NO_ARCHIVE}'\n",
                                                             encoding="ascii")


def version(runner):
    return runner.run([BINDIR / "postgres", "--version"]).strip()
