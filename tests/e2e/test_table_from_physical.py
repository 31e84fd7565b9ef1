"""One table out of a physical backup, as it was at any moment, into a database that is in use."""

import json
import random
import signal
import subprocess

import pytest

from loaded_history import History, random_target
from scratch import Scratch, as_server_user, wait_for
from write_load import ledger

NOT_FOUND = 3
USAGE = 2
REFUSED = 12

pytestmark = pytest.mark.slow

LISTINGS = """
SELECT count(*), md5(string_agg(l::text, '' ORDER BY id)), max(id) FROM public.listings l
"""

APP = """
CREATE TABLE public.sellers (id int PRIMARY KEY);
INSERT INTO public.sellers SELECT generate_series(1, 20);
CREATE TABLE public.listings (id bigserial PRIMARY KEY, seller int REFERENCES public.sellers,
  title text DEFAULT 'none', long text, at timestamptz DEFAULT clock_timestamp());
CREATE INDEX ON public.listings USING hash (title);
CREATE INDEX ON public.listings (at) TABLESPACE fast;
CREATE UNLOGGED TABLE public.passing AS SELECT 1 AS id;
COMMENT ON TABLE public.listings IS 'what is for sale';
"""

WRITE = """
INSERT INTO public.listings (seller, title, long)
  SELECT 1 + g % 20, md5(g::text || '{step}'), repeat(md5(random()::text), 200)
  FROM generate_series(1, 300) g;
UPDATE public.listings SET title = title || '{step}' WHERE id % 7 = {step} % 7;
DELETE FROM public.listings WHERE id % 11 = {step} % 11;
"""

# Does everything to pages that redo may find as zeros.
WRITE_OTHER = """
UPDATE public.filler SET n = n + 1 WHERE id % 97 = {step} % 97;
INSERT INTO public.hashed SELECT {step} * 1000 + g FROM generate_series(1, 800) g;
DELETE FROM public.hashed WHERE id % 3 = {step} % 3;
UPDATE public.inverted SET words = words || ARRAY['w{step}'] WHERE id % 13 = {step} % 13;
UPDATE public.points SET p = point(random() * 100, {step}) WHERE id % 13 = {step} % 13;
INSERT INTO public.brin SELECT g FROM generate_series(1, 500) g;
CREATE TABLE public.made_{step} AS SELECT g FROM generate_series(1, 500) g;
"""

OTHER = """
CREATE TABLE public.filler AS SELECT g AS id, 0 AS n, {words} AS body
  FROM generate_series(1, {rows}) g;
CREATE TABLE public.hashed AS SELECT g AS id FROM generate_series(1, 3000) g;
CREATE INDEX ON public.hashed USING hash (id);
CREATE TABLE public.inverted AS SELECT g AS id, ARRAY[md5(g::text), 'all'] AS words
  FROM generate_series(1, 2000) g;
CREATE INDEX ON public.inverted USING gin (words);
CREATE TABLE public.points AS SELECT g AS id, point(g, g) AS p FROM generate_series(1, 2000) g;
CREATE INDEX ON public.points USING gist (p);
CREATE INDEX ON public.points USING spgist (p);
CREATE TABLE public.brin AS SELECT g FROM generate_series(1, 5000) g;
CREATE INDEX ON public.brin USING brin (g);
CREATE TABLE public.dusty AS SELECT g AS id, repeat('x', 800) AS x FROM generate_series(1, 3000) g;
CREATE TABLE public.elsewhere TABLESPACE fast AS SELECT g FROM generate_series(1, 5000) g;
"""


class TwoDatabases:
    """A server with a database `app`, and another one that is large; backed up once, and what was
    written to both afterwards. A moment is an LSN, with the table as it was there."""

    def __init__(self, scratch, major=15, checksums=True, megabytes=12):
        self.scratch = scratch
        self.programs = scratch.server_programs(major)
        self.server = scratch.server(bindir=self.programs)
        self.server.initdb("--wal-segsize=1", checksums=checksums)
        self.server.configure("autovacuum = off", "max_wal_size = 256MB", "wal_compression = on")
        self.trials = scratch.make_directory("trials")
        self.sections = {"performance": {"jobs": 2},
                         "restore": {"test_directory": str(self.trials)}}
        self.cluster = {} if major == 15 else {"bin_dir": str(self.programs)}
        scratch.protect(self.server, cluster=self.cluster, **self.sections)
        fast = scratch.make_directory("fast")
        self.server.sql(f"CREATE TABLESPACE fast LOCATION '{fast}'")
        words = " || ".join(f"sha256(('{n} ' || g)::bytea)" for n in range(16))
        self.server.sql("CREATE DATABASE app")
        self.server.sql("CREATE DATABASE large")
        self.server.sql("CREATE DATABASE target")
        self.server.sql(APP, "app")
        self.server.sql(OTHER.format(words=words, rows=megabytes * 1800), "large")
        self.write(0)
        self.backup_id = scratch.pgcairn_json("backup")["backup_id"]

    def configure(self, **cluster):
        self.scratch.write_config(self.server, cluster={**self.cluster, **cluster},
                                  **self.sections)

    def write(self, step):
        self.server.sql(WRITE.format(step=step), "app")
        self.server.sql(WRITE_OTHER.format(step=step), "large")
        # Its pages become all-visible after the backup, and nothing else was done to them.
        for table in ("filler", "hashed", "inverted", "points", "brin", "elsewhere",
                      *(["dusty"] if step > 1 else [])):
            self.server.sql(f"VACUUM public.{table}", "large")
        self.server.sql("VACUUM public.listings", "app")

    def now(self, database="app"):
        """A moment and the table then."""
        return (self.server.sql("SELECT pg_current_wal_insert_lsn()"),
                self.server.sql(LISTINGS, database))

    def later(self):
        """What was written is in the archive, and a record comes after every moment so far."""
        self.server.sql("SELECT pg_logical_emit_message(false, 'test', 'later')")
        self.server.wait_archived()

    def restore(self, *arguments, table="public.listings", check=True, kind="table"):
        tables = [f"--table={table}"] if kind == "table" else []
        result = self.scratch.pgcairn(
            "--output=json", "restore", f"--type={kind}", *tables,
            f"--target-url={self.server.conninfo('target')}", *arguments, check=check)
        assert list(self.trials.iterdir()) == [], "nothing is left behind"
        return json.loads(result.stdout)

    def expect(self, moment, database="app"):
        """The report of a restore to it, after which the table was as it was then."""
        position, rows = moment
        report = self.restore(f"--database={database}", "--replace", f"--lsn={position}")
        assert self.server.sql(LISTINGS, "target") == rows, position
        return report

    def make_target(self):
        self.server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "target")
        self.server.sql("CREATE TABLE public.listings (id bigint, seller int, title text, "
                        "long text, at timestamptz)", "target")


def _with_moments(scratch, checksums, megabytes):
    two = TwoDatabases(scratch, checksums=checksums, megabytes=megabytes)
    moments = []
    for step in range(1, 4):
        two.write(step)
        moments.append(two.now())
        if step == 2:
            two.server.sql("CHECKPOINT")
    two.later()
    return two, moments


@pytest.fixture(name="history_of_two", scope="module")
def _history_of_two():
    with Scratch() as scratch:
        yield _with_moments(scratch, checksums=True, megabytes=24)


def _bytes_left_out(two, moments):
    """Restores the table to each of them. Gives what of the backup was not fetched for it, and the
    report."""
    two.make_target()
    for moment in moments:
        report = two.expect(moment)
        recovered = report["recovered"]
        assert recovered["everything_because"] == "", recovered
        assert report["rows"] == int(moment[1].split("|")[0])
        yield recovered["bytes_left_out"], report


def test_one_table_at_three_moments_from_a_small_share_of_the_bytes(history_of_two):
    two, moments = history_of_two
    whole = two.scratch.pgcairn_json("restore", "--test", f"--source={two.backup_id}")
    dusty = int(two.server.sql("SELECT pg_relation_size('public.dusty')", "large"))
    found = list(_bytes_left_out(two, moments))
    for left_out, report in found:
        assert report["recovered"]["bytes_restored"] + left_out == whole["bytes"]
        assert left_out > whole["bytes"] / 2
        assert report["bytes_fetched"] < whole["bytes_fetched"] / 2
    assert found[0][0] - found[1][0] < dusty


def test_without_checksums_tables_that_were_vacuumed_are_needed():
    """The log does not hold a page whole that becomes all-visible."""
    with Scratch() as scratch:
        two, moments = _with_moments(scratch, checksums=False, megabytes=12)
        dusty = int(two.server.sql("SELECT pg_relation_size('public.dusty')", "large"))
        (first, _), (second, _) = _bytes_left_out(two, moments[:2])
        assert first - second >= dusty


def test_the_table_is_made_with_all_that_belongs_to_it(history_of_two):
    two, moments = history_of_two
    position, rows = moments[1]
    two.server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "target")
    two.server.sql("CREATE TABLE public.sellers (id int PRIMARY KEY);"
                   "INSERT INTO public.sellers SELECT generate_series(1, 20)", "target")
    before = two.server.sql("SELECT count(*) FROM pg_class", "target")
    planned = two.restore("--database=app", f"--lsn={position}", "--dry-run")
    assert planned["refusals"] == [] and planned["steps_done"] == 0
    assert planned["rows"] == int(rows.split("|", maxsplit=1)[0])
    assert two.server.sql("SELECT count(*) FROM pg_class", "target") == before
    report = two.restore("--database=app", f"--lsn={position}")
    assert report["steps"] == planned["steps"] and report["skipped"] == []
    assert two.server.sql(LISTINGS, "target") == rows
    for question in (
            "SELECT regexp_replace(pg_get_indexdef(indexrelid), ' TABLESPACE .*', '') "
            "FROM pg_index WHERE indrelid = 'public.listings'::regclass ORDER BY 1",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'public.listings'::regclass ORDER BY 1",
            "SELECT obj_description('public.listings'::regclass)"):
        assert two.server.sql(question, "target") == two.server.sql(question, "app"), question
    # The log holds sequences ahead, never behind.
    assert int(two.server.sql("SELECT last_value FROM public.listings_id_seq", "target")) >= int(
        two.server.sql("SELECT max(id) FROM public.listings", "target"))
    again = two.restore("--database=app", f"--lsn={position}", check=False)
    assert again["error"]["exit_status"] == REFUSED and "is there already" in again["error"]["message"]


def test_what_is_not_there_is_named_with_the_moment(history_of_two):
    two, moments = history_of_two
    two.make_target()
    position, _ = moments[0]
    missing = two.restore("--database=app", f"--lsn={position}", table="public.listngs",
                          check=False)["error"]
    assert missing["exit_status"] == NOT_FOUND
    assert position in missing["message"] and "it has public.listings" in missing["message"]
    # From and into the database that the cluster's connection is to.
    two.configure(connection=two.server.conninfo("app"))
    unlogged = json.loads(two.scratch.pgcairn(
        "--output=json", "restore", "--type=table", "--table=public.passing", "--replace",
        f"--lsn={position}", check=False).stdout)["error"]
    two.configure()
    assert unlogged["exit_status"] == REFUSED and "unlogged" in unlogged["message"]
    several = two.restore(f"--lsn={position}", check=False)["error"]
    assert several["exit_status"] == USAGE
    for name in ("app", "large", "target", "postgres"):
        assert name in several["message"]
    early = two.restore("--database=app", "--lsn=0/100", check=False)["error"]
    assert early["code"] == "unreachable_target"


def test_a_mistyped_database_is_found_out_without_restoring_one(history_of_two):
    two, moments = history_of_two
    two.make_target()
    refused = two.scratch.pgcairn(
        "restore", "--type=table", "--table=public.listings", "--replace", "--database=ap",
        f"--lsn={moments[0][0]}", f"--target-url={two.server.conninfo('target')}", check=False)
    assert refused.returncode == NOT_FOUND
    assert f"at LSN {moments[0][0]} there was no database ap" in refused.stderr
    assert "did you mean app? there were app, large, postgres, target" in refused.stderr
    assert "looked up first" in refused.stderr
    assert "the whole backup is restored" not in refused.stderr
    assert list(two.trials.iterdir()) == []


def test_a_table_comes_back_beside_the_one_that_is_there(history_of_two):
    two, moments = history_of_two
    position, rows = moments[0]
    two.make_target()
    two.server.sql("INSERT INTO public.listings VALUES (1, 2, 'kept')", "target")
    report = two.restore("--database=app", f"--lsn={position}", "--as=public.listings_before")
    assert report["recovered"]["everything_because"] == ""
    assert [(table["name"], table["rows"]) for table in report["tables"]] == [
        ("listings_before", int(rows.split("|", maxsplit=1)[0]))]
    before = LISTINGS.replace("public.listings", "public.listings_before")
    assert two.server.sql(before, "target") == rows
    assert two.server.sql("SELECT id, seller, title FROM public.listings", "target") == "1|2|kept"
    left_out = " ".join(report["skipped"])
    for name in ("listings_pkey", "listings_seller_fkey", "listings_id_seq"):
        assert name in left_out, left_out
    again = two.restore("--database=app", f"--lsn={position}", "--as=public.listings", check=False)
    assert again["error"]["exit_status"] == REFUSED
    assert two.server.sql("SELECT id, seller, title FROM public.listings", "target") == "1|2|kept"


def test_a_signal_leaves_nothing_behind(history_of_two):
    two, moments = history_of_two
    two.make_target()
    command = [two.scratch.program, f"--config={two.scratch.root}/config/backup.config.json",
               "--no-progress", "restore", "--type=table", "--table=public.listings", "--replace",
               "--database=app", f"--lsn={moments[2][0]}",
               f"--target-url={two.server.conninfo('target')}"]
    for wanted in ("data/PG_VERSION", "data/postmaster.pid"):
        with subprocess.Popen(as_server_user(command), env=two.scratch.environment,
                              cwd=two.scratch.root, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as process:
            wait_for(lambda name=wanted: list(two.trials.glob(f"*/{name}")), wanted)
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[1]
        assert process.returncode == -signal.SIGTERM, said
        assert list(two.trials.iterdir()) == [], wanted
        assert two.server.sql("SELECT count(*) FROM public.listings", "target") == "0"


def test_a_full_restore_where_less_would_not_do():
    """In the order of the log: a copy of files, a change of names, full_page_writes off."""
    with Scratch() as scratch:
        two = TwoDatabases(scratch)
        two.write(1)
        first = two.now()
        # Made of another one's files, whose pages are nowhere in the log.
        two.server.sql("CREATE TABLE public.listings AS SELECT g AS id, 1 AS seller, 'copied' AS "
                       "title, 'x' AS long, now() AS at FROM generate_series(1, 3000) g", "large")
        two.server.sql("ALTER DATABASE app RENAME TO other")
        two.server.sql("CREATE DATABASE app TEMPLATE large STRATEGY file_copy")
        renamed = two.now()
        moved = two.now("other")
        two.server.sql("SELECT pg_switch_wal()")
        two.server.sql("ALTER SYSTEM SET full_page_writes = off")
        two.server.sql("SELECT pg_reload_conf()")
        wait_for(lambda: two.server.sql("SHOW full_page_writes") == "off", "the setting")
        two.server.sql("CHECKPOINT")
        two.server.sql("UPDATE public.listings SET seller = 2", "app")
        two.server.sql("UPDATE public.filler SET n = n + 1 WHERE id % 200 = 5", "large")
        two.server.sql("CHECKPOINT")
        without = two.now()
        two.later()
        two.make_target()
        assert two.expect(first)["recovered"]["everything_because"] == ""
        assert "another one" in two.expect(renamed)["recovered"]["everything_because"]
        # By its name of then, which the backup does not know.
        assert two.expect(moved, database="other")["recovered"]["everything_because"] == ""
        assert two.expect(without)["recovered"]["everything_because"] == "full_page_writes was off"


@pytest.mark.parametrize("major", [13, 18])
def test_rows_come_from_every_version(major):
    """Definitions need that version's pg_dump; rows do not."""
    with Scratch() as scratch:
        two = TwoDatabases(scratch, major)
        two.write(1)
        moment = two.now()
        two.write(2)
        two.later()
        two.make_target()
        assert two.expect(moment)["recovered"]["everything_because"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("major", [13, 15])
@pytest.mark.parametrize("vacuumed", [False, True])
def test_all_rows_come_back_though_an_index_misses_some(major, vacuumed):
    """A server of 13 finds ranges of a large table by its key alone, and every one counts with an index
    where it was vacuumed; what is in a backup cannot be indexed again."""
    with Scratch() as scratch:
        programs = scratch.server_programs(major)
        server = scratch.server(bindir=programs)
        server.initdb()
        server.configure("autovacuum = off")
        scratch.protect(server, cluster={"bin_dir": str(programs)},
                        restore={"test_directory": str(scratch.make_directory("trials"))})
        server.sql("CREATE TABLE thin (id int PRIMARY KEY, body text) WITH (fillfactor = 10);"
                   "INSERT INTO thin SELECT g, repeat('x', 800) FROM generate_series(1, 16500) g;"
                   "ANALYZE thin")
        server.sql("CHECKPOINT")
        index = server.data / server.sql("SELECT pg_relation_filepath('thin_pkey')")
        before = index.read_bytes()
        server.sql("INSERT INTO thin SELECT g, repeat('x', 800) FROM generate_series(16501, 17000) g")
        if vacuumed:
            server.sql("VACUUM thin")
        server.stop()
        index.write_bytes(before)
        server.start()
        scratch.pgcairn("backup")
        server.sql("CREATE DATABASE target")
        server.sql("CREATE TABLE thin (id int, body text)", "target")
        restored = scratch.pgcairn_json("restore", "--type=table", "--table=public.thin", "--replace",
                                        "--database=postgres",
                                        f"--target-url={server.conninfo('target')}")
        assert restored["rows"] == 17000
        assert server.sql("SELECT count(*), max(id) FROM thin", "target") == "17000|17000"


class HistoryBesideLarge(History):
    """With another database that is larger than what is wanted, and than the log."""

    def prepare(self, server):
        server.start()
        server.sql("CREATE DATABASE large")
        # Nothing compresses it.
        server.sql("CREATE TABLE filler (body bytea); "
                   "ALTER TABLE filler ALTER body SET STORAGE EXTERNAL; "
                   "INSERT INTO filler SELECT (SELECT string_agg(sha256(n::text::bytea), '') "
                   "FROM generate_series(1, 32768) n) FROM generate_series(1, 64)", "large")
        server.stop()


@pytest.fixture(name="history", scope="module")
def _history(session_seed):
    with Scratch() as scratch:
        yield HistoryBesideLarge(scratch, session_seed)


@pytest.mark.parametrize("count", [3, pytest.param(15, marks=pytest.mark.soak)])
def test_a_table_restored_to_random_moments_equals_the_ledger(history, session_seed, count):
    print(f"seed {session_seed}")
    history.rng = random.Random(f"{session_seed}/table")
    target = history.scratch.server(f"target{count}")
    target.initdb()
    target.start()
    kinds = ("timestamp", "lsn", "xid")
    for number in range(count):
        moment = random_target(history, kinds[number % len(kinds)], number % 2 == 0)
        # --type=pitr says where it goes, and a table goes into a database.
        options = history.target_options(moment)[1:]
        report = history.scratch.pgcairn_json(
            "restore", "--type=table", "--table=public.ledger", "--database=postgres", "--replace",
            *options, f"--target-url={target.conninfo()}")
        recovered = report["recovered"]
        assert recovered["everything_because"] == "", str(moment)
        assert recovered["bytes_restored"] < recovered["bytes_left_out"], str(moment)
        assert report["bytes_fetched"] < recovered["bytes_left_out"] / 2, str(moment)
        assert report["backup_id"] == history.expected_backup(moment), str(moment)
        stop = history.records.stop(moment, history.start_of(report["backup_id"]))
        committed = history.records.committed(stop)
        assert ledger(target) == {row for row in history.rows if row[1] in committed}, str(moment)
    target.stop()
