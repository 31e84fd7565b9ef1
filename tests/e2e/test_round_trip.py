"""The main road: backup, more work, restore to a moment between two writes."""


def test_restore_to_a_moment_between_two_writes(protected):
    scratch, server = protected
    server.sql("CREATE TABLE kept AS SELECT g AS id, md5(g::text) AS text "
               "FROM generate_series(1, 1000) g")
    report = scratch.pgcairn_json("backup")
    assert report["bad_page_count"] == 0
    server.sql("INSERT INTO kept VALUES (1001, 'wanted')")
    moment = server.sql("SELECT clock_timestamp()")
    server.sql("INSERT INTO kept VALUES (1002, 'unwanted')")
    server.wait_archived()

    scratch.pgcairn("restore", "--type=pitr", f"--timestamp={moment}",
                    f"--target-dir={scratch.root}/restored")
    restored = scratch.server("restored")
    restored.start_recovered()
    assert restored.sql("SELECT count(*), max(id) FROM kept") == "1001|1001"
    assert restored.sql("SHOW archive_mode") == "off"


def test_trial_restore_reports_every_database(protected):
    scratch, server = protected
    server.sql("CREATE DATABASE second")
    scratch.pgcairn("backup")
    report = scratch.pgcairn_json("restore", "--test")
    assert {"postgres", "second", "template1"} <= {d["name"] for d in report["databases"]}
    assert all(d["relations"] > 0 for d in report["databases"])
