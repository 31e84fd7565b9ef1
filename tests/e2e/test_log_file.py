"""storage.log_path: what ran without a terminal can be read afterwards."""

import re

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[\d+\] (DEBUG|INFO|WARNING|ERROR): ")


def lines(path):
    return path.read_text().splitlines()


def test_every_run_and_its_end_are_logged(protected):
    scratch, _ = protected
    log = scratch.root / "storage/logs/pgcairn.log"
    log.write_text("")
    scratch.pgcairn("backup", "--note=two words")
    scratch.pgcairn("show", "no such backup", check=False)
    logged = lines(log)
    assert all(LINE.match(line) for line in logged), logged
    text = "\n".join(logged)
    for part in ("pgcairn --config=", "backup '--note=two words'", "ended with status 0",
                 "show 'no such backup'", "ERROR: ", "HINT: ", "ended with status 2"):
        assert part in text, part
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_of_the_wal_verbs_only_what_goes_wrong_is_logged(protected):
    scratch, server = protected
    log = scratch.root / "storage/logs/pgcairn.log"
    server.sql("CREATE TABLE t (i int)")
    server.wait_archived()
    log.write_text("")
    server.sql("INSERT INTO t VALUES (1)")
    server.wait_archived()
    scratch.pgcairn("wal", "fetch", "0000000F.history", scratch.root / "absent", check=False)
    assert lines(log) == []
    scratch.pgcairn("wal", "push", scratch.root / "absent", check=False)
    assert any("ERROR: " in line and "absent" in line for line in lines(log))


def test_a_folder_of_its_own_and_one_that_cannot_be_had(protected):
    scratch, server = protected
    elsewhere = scratch.root / "elsewhere"
    scratch.write_config(server, storage={"log_path": str(elsewhere)})
    assert scratch.pgcairn("list").stderr == ""
    assert any("list" in line for line in lines(elsewhere / "pgcairn.log"))
    scratch.write_config(server, storage={"log_path": str(elsewhere / "pgcairn.log/below")})
    result = scratch.pgcairn("list")
    assert result.returncode == 0 and "no log is kept" in result.stderr
    findings = scratch.pgcairn_json("check")["findings"]
    assert any(finding["severity"] == "warning" and "no log is kept" in finding["message"]
               for finding in findings)
