"""`pin` keeps a backup and says why; `list` and `show` repeat it."""

import os

import pytest

from scratch import Scratch

USAGE, NOT_FOUND, DAMAGED, REFUSED = 2, 3, 5, 12


@pytest.fixture(name="place", scope="module")
def _place():
    """With two backups, the first of them made with a note."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        scratch.protect(server, schedules={"verification": "never"})
        scratch.first = scratch.pgcairn_json("backup", "--note=made by hand \udcff")["backup_id"]
        scratch.second = scratch.pgcairn_json("backup")["backup_id"]
        yield scratch


def listed(scratch, backup_id):
    [backup] = [backup for backup in scratch.pgcairn_json("list")["backups"]
                if backup["backup_id"] == backup_id]
    shown = scratch.pgcairn_json("show", backup_id)
    assert {key: shown[key] for key in backup} == backup
    return backup["pinned"], backup["note"], backup["verified_at"]


def line_of(scratch, backup_id):
    [line] = [line for line in scratch.pgcairn("list").stdout.splitlines() if backup_id in line]
    return line


def notes(scratch):
    return sorted(str(path.relative_to(scratch.root / "repository"))
                  for path in (scratch.root / "repository").rglob("notes/**/*") if path.is_file())


def expect_nothing_written(scratch, status, words, *arguments):
    before = notes(scratch)
    result = scratch.pgcairn("pin", *arguments, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert words in result.stderr
    assert notes(scratch) == before


def test_a_backup_without_notes_has_the_note_that_it_was_made_with(place):
    assert listed(place, place.first)[1:] == ("made by hand �", None)
    assert listed(place, place.second) == (False, "", None)
    assert line_of(place, place.first).endswith("  made by hand �")


def test_a_pin_is_shown_until_it_is_taken_away(place):
    result = place.pgcairn("pin", place.second)
    assert result.stdout == f"{place.second} is pinned: no rule of retention removes it\n"
    assert listed(place, place.second)[0] is True
    assert line_of(place, place.second).endswith("  pinned")
    assert "is not pinned" in place.pgcairn("pin", place.second, "--remove").stdout
    assert listed(place, place.second)[0] is False
    assert "pinned" not in line_of(place, place.second)


def test_a_later_note_takes_the_place_of_the_manifests(place):
    report = place.pgcairn_json("pin", place.first, "--note=before the migration")
    assert report == {"backup_id": place.first, "pinned": True, "note": "before the migration"}
    assert listed(place, place.first) == (True, "before the migration", None)
    assert line_of(place, place.first).endswith("  pinned  before the migration")
    # A pin without a text changes no note.
    place.pgcairn("pin", place.first, "--remove")
    assert listed(place, place.first) == (False, "before the migration", None)
    place.pgcairn("pin", place.first, "--remove", "--no-note")
    assert listed(place, place.first) == (False, "", None)


def test_a_note_may_have_any_letters(place):
    # The last is no letter: a byte of another encoding.
    place.pgcairn("pin", "latest", "--note=für später: 日本 \udcff")
    assert listed(place, place.second)[1] == "für später: 日本 �"
    assert line_of(place, place.second).endswith("  für später: 日本 �")
    place.pgcairn("pin", "latest", "--remove", "--no-note")


def test_latest_and_the_seeds_form_of_an_id_work(place):
    assert place.pgcairn_json("pin", "latest")["backup_id"] == place.second
    report = place.pgcairn_json("pin", f"backup_{place.second[:15]}.sql.gz", "--remove")
    assert report == {"backup_id": place.second, "pinned": False, "note": ""}


def test_what_cannot_be_pinned_is_named_and_nothing_is_written(place):
    expect_nothing_written(place, NOT_FOUND, "there is no backup", "20000101_000000-0000")
    expect_nothing_written(place, USAGE, "not the id of a backup", "yesterday")
    expect_nothing_written(place, USAGE, "BACKUP is required")
    expect_nothing_written(place, USAGE, "control characters", "latest", "--note=two\nlines")
    expect_nothing_written(place, USAGE, "--note", "latest", "--note=a", "--no-note")
    expect_nothing_written(place, USAGE, "4097 bytes", "latest", "--note=" + "x" * 4097)


def test_a_note_that_cannot_be_read_hides_no_backup(place):
    place.pgcairn("pin", place.first, "--note=kept for the auditors")
    note = place.root / "repository" / [name for name in notes(place) if place.first in name][0]
    whole = note.read_bytes()
    os.chmod(note, 0o600)
    note.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    result = place.pgcairn("list")
    assert f"notes/{place.first}/{note.name}" in result.stderr
    assert "pinned or not: its notes cannot be read" in line_of(place, place.first)
    assert listed(place, place.first)[:2] == (None, "kept for the auditors")
    result = place.pgcairn("verify", check=False)
    assert result.returncode == DAMAGED
    assert f"notes/{place.first}/{note.name}" in result.stdout + result.stderr
    note.write_bytes(whole)
    assert listed(place, place.first)[:2] == (True, "kept for the auditors")
    place.pgcairn("verify")


def test_a_pin_can_be_taken_from_a_backup_that_cannot_be_read(place):
    place.pgcairn("pin", place.first)
    manifest = place.root / "repository/clusters/main/backups" / place.first
    whole = manifest.read_bytes()
    os.chmod(manifest, 0o600)
    manifest.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused = place.pgcairn("prune", f"--backup={place.first}", check=False)
    assert refused.returncode == REFUSED and "pinned" in refused.stderr
    assert place.pgcairn("pin", place.first, check=False).returncode == DAMAGED
    assert place.pgcairn_json("pin", place.first, "--remove")["pinned"] is False
    place.pgcairn("prune", f"--backup={place.first}", "--dry-run")
    manifest.write_bytes(whole)
