"""prune beside other commands, each stopped before every request to the repository while the other
one runs from its beginning to its end: nothing that is needed goes, and no backup appears without
what it needs."""

import shutil
import time

import pytest

from cluster_contents import contents
from pruned_cluster import backup, backups, keep_only_the_newest, objects, require_whole
from restore_proof import cold_contents, require_restorable
from scratch import Scratch
from stopped_runs import Stopper, one_of_each_kind

NOT_FOUND, ALREADY_EXISTS, REFUSED = 3, 4, 12
UNREACHABLE = 15  # the plan found no backup any more
# Longer than lease_expiry.
LONGER_THAN_A_LEASE_S = 1.3
ELSEWHERE = "another-host"


class Place:
    """A server, its repository and a library that stops runs."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.server = scratch.server()
        self.server.initdb()
        self.server.configure("wal_keep_size = 1GB", "autovacuum = off")
        scratch.protect(self.server)
        keep_only_the_newest(scratch, self.server)
        self.stopper = Stopper(scratch)
        backup(scratch, self.server, "full")
        backup(scratch, self.server)
        self._targets = 0

    def target(self):
        self._targets += 1
        return self.scratch.root / f"restored-{self._targets}"

    def something_to_prune(self):
        """An old backup that shares packs with the newest one. Returns its id."""
        while len(backups(self.scratch)) < 2:
            backup(self.scratch, self.server)
        return backups(self.scratch)[0]

    def prune(self):
        result = self.scratch.pgcairn("prune", check=False)
        assert result.returncode in (0, REFUSED), result.stderr
        return result


# One for each test: every run reads the record of every prune before it, and each of these reads is a
# point to stop at.
@pytest.fixture(name="place")
def _place():
    with Scratch() as scratch:
        yield Place(scratch)


def stop_everywhere(place, points, other, host=None, wait_s=0.0, run=None):
    """For each of the points: starts the run, stops it there, calls `other`, lets the run go on,
    and asks whether everything is whole. Returns how many were stopped."""
    stopped = 0
    for point in points:
        arguments, ended = run()
        going = place.stopper.start(*arguments, at=point, host=host)
        try:
            if going.wait():
                stopped += 1
                time.sleep(wait_s)
                other()
            status = going.go_on()
        finally:
            going.end()
        try:
            ended(status, going)
            require_whole(place.scratch)
        except BaseException:
            print(f"stopped {point!r}, host {host}: {status}\n{going.messages()}")
            raise
    return stopped


# The other run is stopped, prune goes on.

def backing_up(place, kind):
    def run():
        place.something_to_prune()
        before = backups(place.scratch)

        def ended(status, going):
            now = backups(place.scratch)
            new = [one for one in now if one not in before]
            if status == 0:
                assert len(new) == 1
            else:
                # It was given up: said clearly, and without a trace of a backup.
                assert status in (NOT_FOUND, ALREADY_EXISTS, REFUSED), going.messages()
                assert "given up" in going.messages() or "gave up" in going.messages() or \
                    "no such" in going.messages().lower(), going.messages()
                assert new == []
            assert objects(place.scratch, "leases/*") == []

        return ("backup", f"--type={kind}"), ended
    return run


def beside_backup(place, kind, host, points):
    return stop_everywhere(place, points, place.prune, host=host,
                           wait_s=LONGER_THAN_A_LEASE_S if host else 0,
                           run=backing_up(place, kind))


def backup_points(place, kind):
    place.something_to_prune()
    return place.stopper.points_of("backup", f"--type={kind}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_backup_stopped_at_requests_of_each_kind(place, kind):
    points = one_of_each_kind(backup_points(place, kind))
    puts = [point for point in points if point.what == "put"]
    assert beside_backup(place, kind, None, points) > 5
    assert beside_backup(place, kind, ELSEWHERE, puts) > 3


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["full", "incremental"])
@pytest.mark.parametrize("host", [None, ELSEWHERE])
def test_a_backup_stopped_at_every_request(place, kind, host):
    assert beside_backup(place, kind, host, backup_points(place, kind)) > 20
    held = cold_contents(place.server)
    require_restorable(place.scratch, held)
    place.server.start()


def test_a_backup_that_was_given_up_cannot_commit(place):
    """Stopped just before the manifest's put, on another host, for longer than its lease."""
    place.something_to_prune()
    before = backups(place.scratch)
    [commit] = [point for point in place.stopper.points_of("backup") if point.what == "put"
                and point.name.startswith("backups/") and not point.name.endswith(".refs")]
    place.something_to_prune()
    going = place.stopper.start("backup", at=commit, host=ELSEWHERE)
    try:
        assert going.wait()
        time.sleep(LONGER_THAN_A_LEASE_S)
        pruned = place.scratch.pgcairn_json("prune")
        assert ELSEWHERE in pruned["given_up"][0]
        assert going.go_on() == ALREADY_EXISTS
    finally:
        going.end()
    assert "given up" in going.messages() and "HINT" in going.messages()
    require_whole(place.scratch)
    assert objects(place.scratch, "leases/*") == objects(place.scratch, "trash/*") == []
    assert not set(backups(place.scratch)) & set(before[:-1])


def restoring(place, source):
    def run():
        victim = place.something_to_prune() if source == "victim" else backups(place.scratch)[-1]
        target = place.target()

        def ended(status, going):
            if status == 0:
                assert (target / "global/pg_control").exists()
            else:
                assert status in (NOT_FOUND, 5, UNREACHABLE), going.messages()
                assert status == UNREACHABLE or victim in going.messages() or \
                    "pack" in going.messages()
                assert not (target / "global/pg_control").exists()
            shutil.rmtree(target, ignore_errors=True)

        return ("restore", f"--source={victim}", f"--target-dir={target}"), ended
    return run


def restore_points(place):
    target = place.target()
    points = place.stopper.points_of("restore", f"--target-dir={target}")
    shutil.rmtree(target)
    return points


def test_a_restore_keeps_what_it_reads(place):
    victim = place.something_to_prune()
    target = place.target()
    # The first: how many there are depends on the backup.
    first_read = [point for point in restore_points(place) if point.name.startswith("packs/")][0]
    going = place.stopper.start("restore", f"--source={victim}", f"--target-dir={target}",
                                at=first_read)
    try:
        assert going.wait()
        report = place.scratch.pgcairn_json("prune")
        [verdict] = [one for one in report["backups"] if one["backup_id"] == victim]
        assert verdict["keep"] and any("restore" in reason for reason in verdict["reasons"])
        assert going.go_on() == 0
    finally:
        going.end()
    restored = place.scratch.server(target.name)
    restored.start_recovered("archive_mode=off")
    assert contents(restored)
    restored.stop()
    place.prune()
    assert victim not in backups(place.scratch)
    require_whole(place.scratch)


@pytest.mark.slow
@pytest.mark.parametrize("host", [None, ELSEWHERE])
def test_a_restore_stopped_at_requests_of_each_kind(place, host):
    stop_everywhere(place, one_of_each_kind(restore_points(place)), place.prune, host=host,
                    wait_s=LONGER_THAN_A_LEASE_S if host else 0, run=restoring(place, "victim"))


@pytest.mark.soak
@pytest.mark.parametrize("host", [None, ELSEWHERE])
@pytest.mark.parametrize("source", ["victim", "newest"])
def test_a_restore_stopped_at_every_request(place, host, source):
    stop_everywhere(place, restore_points(place), place.prune, host=host,
                    wait_s=LONGER_THAN_A_LEASE_S if host else 0, run=restoring(place, source))


def verifying(place):
    def run():
        place.something_to_prune()

        def ended(status, going):
            assert status == 0, going.output()

        return ("verify",), ended
    return run


@pytest.mark.slow
def test_a_verification_sees_no_damage_in_what_is_pruned(place):
    place.something_to_prune()
    points = one_of_each_kind(place.stopper.points_of("verify"))
    assert stop_everywhere(place, points, place.prune, run=verifying(place)) > 3


@pytest.mark.soak
def test_a_verification_stopped_at_every_request(place):
    place.something_to_prune()
    points = place.stopper.points_of("verify")
    assert stop_everywhere(place, points, place.prune, run=verifying(place)) > 10


def pushing(place):
    """The newest segment, as if it had not arrived yet."""
    def run():
        place.something_to_prune()
        place.server.wait_archived()
        segment = objects(place.scratch, "wal/*/*/*")
        newest = [one for one in segment if len(one.rpartition("/")[2]) == 24][-1]
        name = newest.rpartition("/")[2]
        (place.scratch.root / "repository/clusters/main" / newest).unlink()

        def ended(status, going):
            assert status == 0, going.messages()
            fetched = place.scratch.make_directory(f"fetched-{place.target().name}") / name
            place.scratch.pgcairn("wal", "fetch", name, fetched)
            assert fetched.read_bytes() == (place.server.data / "pg_wal" / name).read_bytes()

        return ("wal", "push", str(place.server.data / "pg_wal" / name)), ended
    return run


@pytest.mark.slow
def test_a_push_stopped_at_every_request(place):
    arguments, _ = pushing(place)()
    points = place.stopper.points_of(*arguments)
    assert stop_everywhere(place, points, place.prune, run=pushing(place)) > 1


# prune is stopped, the other one goes on.

def pruning(place, elsewhere=False):
    def run():
        place.something_to_prune()

        def ended(status, going):
            assert status in (0, REFUSED), going.messages()
            left = objects(place.scratch, "trash/*")
            assert left == [] or elsewhere, left

        return ("prune",), ended
    return run


def prune_points(place):
    place.something_to_prune()
    return place.stopper.points_of("prune")


def a_backup(place):
    return lambda: backup(place.scratch, place.server)


def a_restore(place):
    def restore():
        target = place.target()
        victim = backups(place.scratch)[0]
        done = place.scratch.pgcairn("restore", f"--source={victim}", f"--target-dir={target}",
                                     check=False)
        assert done.returncode in (0, NOT_FOUND, 5), done.stderr
        shutil.rmtree(target, ignore_errors=True)
    return restore


def some_wal(place):
    def push():
        place.server.sql("SELECT pg_logical_emit_message(false, 'test', 'more')")
        place.server.wait_archived()
    return push


def another_prune(place):
    """Of a host that thinks the stopped one dead."""
    def prune():
        time.sleep(LONGER_THAN_A_LEASE_S)
        done = place.scratch.pgcairn("prune", check=False, env=place.stopper.environment("third"))
        assert done.returncode == 0, done.stderr
    return prune


OTHERS = {"backup": a_backup, "restore": a_restore, "wal": some_wal, "prune": another_prune}


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
def test_a_prune_stopped_at_requests_of_each_kind(place, other):
    points = one_of_each_kind(prune_points(place))
    host = ELSEWHERE if other == "prune" else None
    assert stop_everywhere(place, points, OTHERS[other](place), host=host,
                           run=pruning(place, other == "prune")) > 5


@pytest.mark.soak
@pytest.mark.parametrize("other", OTHERS)
def test_a_prune_stopped_at_every_request(place, other):
    host = ELSEWHERE if other == "prune" else None
    assert stop_everywhere(place, prune_points(place), OTHERS[other](place), host=host,
                           run=pruning(place, other == "prune")) > 20


def test_a_second_prune_on_the_same_host_is_refused(place):
    victim = place.something_to_prune()
    points = prune_points(place)
    announced = [point for point in points if point.kind == "put trash"][-1]
    place.something_to_prune()
    going = place.stopper.start("prune", at=points[points.index(announced) + 1])
    try:
        assert going.wait()
        result = place.scratch.pgcairn("prune", check=False)
        assert result.returncode == REFUSED and "another prune" in result.stderr
        assert going.go_on() == 0, going.messages()
    finally:
        going.end()
    assert victim not in backups(place.scratch)
    require_whole(place.scratch)
