"""A database that is backed up through its connection alone, and restored into others."""

import itertools
import json

from restore_proof import repository_is_valid
from scratch import Scratch


DEBIANS = "Debian's"


class LogicalCluster(Scratch):
    """A server with a database `source`, ready for a backup."""

    def __init__(self, major=15, clients=None, **sections):
        """`clients`: the version of the client programs, where not the oldest that there is is
        meant; DEBIANS leaves it to the program what it finds."""
        super().__init__()
        self.clients = major if clients is None else clients
        self.source = self.server(bindir=self.server_programs(major))
        self.source.initdb()
        self.source.start()
        self.source.sql("CREATE DATABASE source TEMPLATE template0")
        self.configure_backups(**sections)
        self.sheet = self.pgcairn("init").stdout
        self._numbers = itertools.count(1)

    def configure_backups(self, **sections):
        cluster = {"method": "logical", "connection": self.source.conninfo("source"),
                   **sections.pop("cluster", {})}
        if self.clients != DEBIANS:
            cluster.setdefault("bin_dir", str(self.client_programs(self.clients)))
        self.write_config(self.source, cluster=cluster, **{"performance": {"jobs": 2}, **sections})

    def backup(self, *arguments):
        return self.pgcairn_json("backup", *arguments)

    def pgcairn_error(self, *arguments):
        """The error that a command ends with, as JSON has it."""
        return json.loads(self.pgcairn("--output=json", *arguments, check=False).stdout)["error"]

    def backups(self):
        return [backup["backup_id"] for backup in self.pgcairn_json("list")["backups"]]

    def restored(self, *arguments, server=None):
        """The name of a new database that a backup was restored into."""
        server = server or self.source
        name = f"restored_{next(self._numbers)}"
        server.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        self.pgcairn("restore", f"--target-url={server.conninfo(name)}", *arguments)
        return name

    def require_valid(self):
        return repository_is_valid(self)
