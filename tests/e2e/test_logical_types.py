"""A logical backup of definitions alone stands in for none that has rows; a moment between two
backups is refused with both; `show` tells what a backup holds."""

import pytest

from database_comparison import DatabaseState, differences
from logical_cluster import LogicalCluster
from scratch import CLIENT_BINDIR, Scratch

USAGE, UNREACHABLE = 2, 15
FILL = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id serial PRIMARY KEY, amount numeric CHECK (amount > 0));
INSERT INTO shop.orders (amount) SELECT g FROM generate_series(1, 1000) g;
CREATE TABLE shop.empty (a int);
CREATE MATERIALIZED VIEW shop.total AS SELECT sum(amount) FROM shop.orders;
SELECT lo_from_bytea(4711, 'large');
"""
# What definitions do not hold: rows, where sequences stand, large objects; a view is not filled.
OF_ROWS = ("rows of *", "value of *", "content of *", "large object *", "materialized view *",
           "*: rows", "*populated*")


@pytest.fixture(name="cluster")
def _cluster():
    with LogicalCluster(prune={"grace": 0}) as cluster:
        cluster.source.sql(FILL, "source")
        yield cluster


def test_a_backup_of_definitions_restores_definitions(cluster):
    report = cluster.backup("--type=schema", "--verify=deep")
    assert (report["type"], report["rows"], report["tables"]) == ("schema", 0, 0)
    assert report["verified"] is True
    backup = report["backup_id"]
    [listed] = cluster.pgcairn_json("list")["backups"]
    assert (listed["backup_id"], listed["type"]) == (backup, "schema")
    assert "definitions alone" in cluster.pgcairn("list").stdout
    shown = cluster.pgcairn_json("show", backup)
    assert shown["type"] == "schema" and shown["tables"] == []
    cluster.require_valid()
    for name in (cluster.restored("--type=schema"),
                 cluster.restored("--type=schema", f"--source={backup}")):
        lost = differences(DatabaseState.read(cluster.source, "source"),
                           DatabaseState.read(cluster.source, name), skipped=OF_ROWS)
        assert lost == []
        assert cluster.source.sql("SELECT count(*) FROM shop.orders", name) == "0"


def test_a_backup_of_definitions_is_exported_when_it_is_named(cluster):
    backup = cluster.backup("--type=schema")["backup_id"]
    refused = cluster.pgcairn("export", f"--target-file={cluster.root}/latest.sql", check=False)
    assert refused.returncode == USAGE and "type schema" in refused.stderr
    ours, readers = cluster.root / "ours.sql", cluster.root / "readers.sql"
    cluster.pgcairn("export", f"--source={backup}", f"--target-file={ours}")
    cluster.run([cluster.reader, "--repository", cluster.root / "repository", "--key-file",
                 cluster.root / "storage/encryption/host.key", "export", backup, "--to-file", readers])
    assert ours.read_bytes() == readers.read_bytes() and b"CREATE TABLE shop.orders" in ours.read_bytes()
    cluster.pgcairn("export", f"--source={backup}", "--format=directory",
                    f"--target-dir={cluster.root}/ours.dump")
    for load in (["psql", "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", ours],
                 ["pg_restore", "--exit-on-error", "--jobs=2", f"{cluster.root}/ours.dump"]):
        name = f"loaded_by_{load[0]}"
        cluster.source.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        cluster.run([CLIENT_BINDIR / load[0], "-d", cluster.source.conninfo(name), *load[1:]])
        assert cluster.source.sql("SELECT count(*) FROM shop.orders", name) == "0"


def test_rows_of_a_backup_of_definitions_are_refused(cluster):
    backup = cluster.backup("--type=schema")["backup_id"]
    url = f"--target-url={cluster.source.conninfo('postgres')}"
    for arguments in (("--type=full",), ("--type=table", "--table=shop.orders"),
                      ("--test",)):
        for source in ("latest", backup):
            asked = [*arguments, f"--source={source}", *([] if "--test" in arguments else [url])]
            refused = cluster.pgcairn("restore", *asked, check=False)
            assert refused.returncode == USAGE, refused.stderr
            assert "type schema" in refused.stderr and "--type=schema" in refused.stderr
    rowless = [finding["severity"] for finding in cluster.pgcairn_json("check")["findings"]
               if "no row can be restored" in finding["message"]]
    assert rowless == ["warning"]
    full = cluster.backup()["backup_id"]
    later = cluster.backup("--type=schema")["backup_id"]
    assert cluster.backups() == [backup, full, later]
    [found] = [finding for finding in cluster.pgcairn_json("check")["findings"]
               if finding["subject"] == "backups"]
    assert found["severity"] == "ok", found
    assert f"the newest that holds rows is {full}" in found["message"] and later in found["message"]
    [verified] = cluster.pgcairn_json("verify", "--latest")["backups"]
    assert verified["backup_id"] == full
    assert cluster.pgcairn_json("pin", "latest")["backup_id"] == full
    # The newest that has rows, though a later one has none.
    name = cluster.restored()
    assert cluster.source.sql("SELECT count(*) FROM shop.orders", name) == "1000"
    incremental = cluster.backup("--type=incremental")
    assert incremental["base_backup_id"] == full


def test_no_backup_of_definitions_makes_one_with_rows_go(cluster):
    cluster.configure_backups(retention={"full_backups": 0, "incremental_backups": 0, "wal_files": 0},
                              prune={"grace": 0})
    (cluster.root / "config/retention.config.json").write_text(
        '{"policies": {"daily_backups": {"keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0,'
        ' "keep_yearly": 0}, "incremental_backups": {"keep_hours": 0, "keep_daily": 0}}}')
    full = cluster.backup()["backup_id"]
    cluster.backup("--type=schema")
    newest = cluster.backup("--type=schema", "--verify=deep")["backup_id"]
    cluster.pgcairn("prune")
    assert cluster.backups() == [full, newest]
    cluster.require_valid()


def test_a_physical_cluster_has_no_backup_of_definitions():
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        scratch.protect(server)
        refused = scratch.pgcairn("backup", "--type=schema", check=False)
        assert refused.returncode == USAGE and "logical" in refused.stderr


def test_a_moment_between_two_backups_is_refused_with_both(cluster):
    url = f"--target-url={cluster.source.conninfo('postgres')}"
    none = cluster.pgcairn("restore", "--type=pitr", "--timestamp=2024-01-01", url, check=False)
    assert none.returncode == UNREACHABLE and "no backup yet" in none.stderr
    first, second = (cluster.backup() for _ in range(2))
    cluster.backup("--type=schema")
    between = cluster.source.sql(
        f"SELECT '{first['snapshot_at']}'::timestamptz + ('{second['snapshot_at']}'::timestamptz"
        f" - '{first['snapshot_at']}') / 2")
    cases = ((between, (first, second)), ("2024-01-01", (None, first)), ("2100-01-01", (second, None)),
             (first["snapshot_at"], (first, second)))
    for options in ((url,), ()):
        for moment, sides in cases:
            refused = cluster.pgcairn_error("restore", "--type=pitr", f"--timestamp={moment}", *options)
            assert refused["exit_status"] == UNREACHABLE
            before, after = refused["message"].split("the last one until")[1].split("first one after")
            for side, said in zip(sides, (before, after)):
                assert (side["backup_id"] if side else "is none") in said, refused["message"]
                if side:
                    assert side["snapshot_at"][11:19] in said
                    assert f"--source={side['backup_id']}" in refused["hint"] or all(sides)
    for target in ("--lsn=0/1", "--xid=7", "--name=there", "--immediate"):
        refused = cluster.pgcairn_error("restore", "--type=pitr", target)
        assert refused["exit_status"] == UNREACHABLE and second["backup_id"] in refused["message"]
    found = [finding["message"] for finding in cluster.pgcairn_json("check")["findings"]
             if finding["subject"] == "method"]
    assert "point in time" in found[0] and "not covered yet" in found[0]


def test_show_tells_what_a_backup_holds(cluster):
    cluster.source.sql("CREATE ROLE looker LOGIN; CREATE TABLE shop.hidden (a int);"
                       "GRANT USAGE ON SCHEMA shop TO looker; GRANT SELECT ON shop.orders, shop.empty TO looker;",
                       "source")
    cluster.configure_backups(cluster={"connection": cluster.source.conninfo("source", "looker")})
    report = cluster.backup()
    shown = cluster.pgcairn_json("show")
    assert [(table["schema"], table["name"], table["rows"]) for table in shown["tables"]] == [
        ("shop", "empty", 0), ("shop", "orders", 1000)]
    assert shown["rows"] == 1000 and shown["left_out"] == report["left_out"]
    assert any("shop" in line and "hidden" in line for line in shown["left_out"])
    text = cluster.pgcairn("show").stdout
    assert "shop.orders: 1000 rows" in text and '"shop"."hidden"' in text


def test_the_recovery_sheet_names_a_database(cluster):
    assert "recovery sheet" in cluster.sheet
    assert "--target-url=URL" in cluster.sheet and "--target-dir" not in cluster.sheet
