"""What happens to the cluster between two backups."""

import random

from clusters import SEED, copy_rows
from results import AFTER_APPENDING, AFTER_TRANSACTIONS, AFTER_UPDATES
from server import BINDIR, PORT

# The loads are for a cluster of this scale or more. A smaller one gets less in proportion: it would
# change altogether.
FULL_SCALE = 200
TRANSACTION_SECONDS = 30
APPENDED_BYTES = 75_000_000
BYTES_OF_ROW = 560  # in a table without an index
UPDATED_SHARE = 0.01
CLIENTS = 2
# Two clients that each do so many change about 1 % of the pages of pgbench's tables.
TRANSACTIONS_PER_SCALE = 8


class Loads:
    """Each does another thing each time that it is called, and the same in each run of the benchmark."""

    def __init__(self, runner, server, scale):
        self._runner = runner
        self._server = server
        self._scale = scale
        self._size = min(1, scale / FULL_SCALE)
        self._random = random.Random(SEED)
        server.query("CREATE TABLE IF NOT EXISTS journal (id uuid, body text, details jsonb)")

    def all_in_turn(self):
        """Pairs of a measurement and what is to be done before it."""
        return ((AFTER_TRANSACTIONS, self.transactions), (AFTER_APPENDING, self.append_rows),
                (AFTER_UPDATES, self.update_rows))

    def transactions(self):
        """pgbench's own, a random account in each."""
        self._pgbench("-T", max(2, round(TRANSACTION_SECONDS * self._size)))

    def a_few_transactions(self):
        self._pgbench("-t", TRANSACTIONS_PER_SCALE * self._scale)

    def append_rows(self):
        copy_rows(self._server, "journal (id, body, details)",
                  round(APPENDED_BYTES * self._size / BYTES_OF_ROW), self._random.random())

    def update_rows(self):
        """Of the table that compresses less. The new row goes to another page and the index grows."""
        self._server.query(
            "UPDATE orders SET details = jsonb_set(details, '{status}', '\"changed\"') "
            "WHERE random() < %s", (UPDATED_SHARE,), seed=self._seed())

    def change_pages(self, share):
        """Changes about that share of all pages of the two large tables, chosen at random: a row lock
        writes to the page of the row and to nothing else."""
        for table in ("pgbench_accounts", "orders"):
            self._server.query(
                f"SELECT count(*) FROM (SELECT FROM {table} WHERE ctid = ANY (ARRAY("
                "SELECT format('(%%s,1)', page)::tid FROM generate_series(0, pg_relation_size(%s) / "
                "current_setting('block_size')::int - 1) page WHERE random() < %s)) FOR UPDATE) locked",
                (table, share), seed=self._seed())

    def _seed(self):
        return self._random.uniform(-1, 1)

    def _pgbench(self, *how_long):
        self._runner.run([BINDIR / "pgbench", "-n", "-c", CLIENTS, "-j", CLIENTS, *how_long,
                          f"--random-seed={self._random.randrange(1 << 31)}", "-h",
                          self._server.socket, "-p", PORT, "-U", "postgres", "postgres"])
