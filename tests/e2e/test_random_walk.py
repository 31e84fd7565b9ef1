"""A random walk over everything that is done to a cluster and to its repository. After each step the
repository is proven, and one backup or moment, taken by chance of all that must be restorable by
then, is restored and compared with what the server held."""

import os
import random
import shutil
import time
from dataclasses import dataclass

import pytest

from cluster_contents import contents, lsn, require_equal
from killed_runs import run_and_kill, start
from pruned_cluster import keep_only_the_newest
from restore_proof import ALONE, repository_is_valid
from scratch import CLIENT_BINDIR, Scratch, give_to_server_user

pytestmark = pytest.mark.slow

REFUSED = 12
TABLES = ("small", "middle", "large")
STEPS = ("load", "load", "load", "full", "incremental", "incremental", "incremental",
         "incremental everything", "vacuum full", "truncate", "create database", "drop database",
         "create tablespace", "drop tablespace", "switch timeline", "prune", "delete a backup",
         "kill", "kill")


@dataclass
class Moment:
    """What the cluster held at a position of a timeline. `ancestors`: (timeline, its end) of those
    that this one goes on from."""
    name: str
    timeline: int
    position: int
    ancestors: tuple
    held: dict

    def reached_from(self, backup):
        ends = dict(self.ancestors) | {self.timeline: self.position}
        position = ends.get(backup["timeline"])
        return position is not None and lsn(backup["stop_lsn"]) <= min(position, self.position)


class Walk:
    def __init__(self, scratch, rng):
        self.scratch = scratch
        self.rng = rng
        self.counter = 0
        self.moments = []
        self.held_by_backup = {}
        self.databases = []
        self.spaces = []
        self.timeline, self.ancestors = 1, ()
        self.places = scratch.make_directory("spaces")
        self.server = scratch.server()
        self.server.initdb("--wal-segsize=1")
        self.server.configure("autovacuum = off")
        scratch.protect(self.server)
        self.set_up()
        for number, table in enumerate(TABLES):
            self.server.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, body text) "
                            "WITH (fillfactor = 80);"
                            f"INSERT INTO {table} SELECT g, md5(g::text) "
                            f"FROM generate_series(1, {100 * 10 ** number}) g")
        self.full()
        self.remember()

    def set_up(self):
        keep_only_the_newest(self.scratch, self.server)

    def number(self):
        self.counter += 1
        return self.counter

    # The steps.

    def load(self):
        table = self.rng.choice(TABLES)
        share, first = self.rng.choice((2, 20, 200)), self.number() * 100_000
        self.server.sql(self.rng.choice((
            f"UPDATE {table} SET body = md5(body) WHERE id % {share} = 0",
            f"DELETE FROM {table} WHERE id % {share} = 1",
            f"INSERT INTO {table} SELECT {first} + g, repeat(md5(g::text), {share % 30}) "
            f"FROM generate_series(1, 1500) g")))
        if self.rng.random() < 0.5:
            self.server.sql("CHECKPOINT")

    def full(self):
        self.backup("--type=full")

    def incremental(self):
        self.backup("--type=incremental")

    def incremental_everything(self):
        self.backup("--type=incremental", "--verify-unchanged")

    def backup(self, *arguments):
        report = self.scratch.pgcairn_json("backup", *arguments)
        assert report["unseen_change_count"] == 0
        self.held_by_backup[report["backup_id"]] = contents(self.server)

    def vacuum_full(self):
        self.server.sql(f"VACUUM FULL {self.rng.choice(TABLES)}")

    def truncate(self):
        self.server.sql(f"TRUNCATE {self.rng.choice(TABLES)}")

    def create_database(self):
        name = f"d{self.number()}"
        self.server.sql(f"CREATE DATABASE {name} STRATEGY {self.rng.choice(('wal_log', 'file_copy'))}")
        self.server.sql("CREATE TABLE t AS SELECT g FROM generate_series(1, 3000) g", name)
        self.databases.append(name)

    def drop_database(self):
        if self.databases:
            name = self.databases.pop(self.rng.randrange(len(self.databases)))
            self.server.sql(f"DROP DATABASE {name}")

    def create_tablespace(self):
        name = f"s{self.number()}"
        self.make_place(name)
        self.server.sql(f"CREATE TABLESPACE {name} LOCATION '{self.places}/{name}'")
        self.server.sql(f"CREATE TABLE in_{name} TABLESPACE {name} "
                        "AS SELECT g FROM generate_series(1, 3000) g")
        self.spaces.append(name)

    def drop_tablespace(self):
        if self.spaces:
            name = self.spaces.pop(self.rng.randrange(len(self.spaces)))
            self.server.sql(f"DROP TABLE in_{name}")
            self.server.sql("CHECKPOINT")
            self.server.sql(f"DROP TABLESPACE {name}")

    def switch_timeline(self):
        """The cluster goes on from a moment, on a new server; the old one is gone."""
        moments = self.restorable_moments()
        if not moments:  # the backups that led to this timeline were deleted
            return
        moment = self.rng.choice(moments)
        print(f"  goes on from {moment.name}")
        self.server.stop()
        self.clear_places()
        data = f"data{self.number()}"
        server = self.restore_to(moment, data, "--archive-mode=preserve")
        shutil.rmtree(self.server.data)
        server.start_recovered()
        server.sql("CHECKPOINT")
        self.server = server
        timeline, switched = server.sql(
            "SELECT timeline_id, (SELECT checkpoint_lsn FROM pg_control_checkpoint()) "
            "FROM pg_control_checkpoint()").split("|")
        assert int(timeline) > self.timeline and lsn(switched) >= moment.position
        self.ancestors = (*moment.ancestors, (moment.timeline, moment.position))
        self.timeline = int(timeline)
        self.databases = server.sql("SELECT datname FROM pg_database "
                                    "WHERE datname LIKE 'd%'").split()
        self.spaces = server.sql("SELECT spcname FROM pg_tablespace WHERE spcname LIKE 's%'").split()
        self.set_up()

    def prune(self):
        self.scratch.pgcairn("prune")

    def delete_a_backup(self):
        listed = [backup["backup_id"] for backup in self.listed()]
        victim = self.rng.choice(listed)
        deleted = self.scratch.pgcairn("prune", f"--backup={victim}", check=False)
        newest = victim == max(listed)  # which stays, whoever asks
        assert deleted.returncode == (REFUSED if newest else 0), deleted.stderr
        left = [backup["backup_id"] for backup in self.listed()]
        assert left == [backup for backup in listed if newest or backup != victim]

    def kill(self):
        aside = self.scratch.root / "killed"
        command = self.rng.choice((("backup", "--type=full"), ("backup", "--type=incremental"),
                                   ("backup", "--type=incremental", "--verify-unchanged"),
                                   ("prune",), ("verify",),
                                   ("restore", *self.own_places("latest"), f"--target-dir={aside}")))
        if command[0] == "restore":
            self.server.stop()
            self.clear_places(keep=True)
        killed = run_and_kill(lambda: start(self.scratch, *command), self.rng.uniform(0, 0.2))
        print(f"  {' '.join(command)}: {'killed' if killed else 'ended'}")
        if command[0] == "restore":
            shutil.rmtree(aside, ignore_errors=True)
            self.put_places_back()
            self.server.start()
        for backup in self.listed():
            # Stored before the kill came: nothing was written since.
            self.held_by_backup.setdefault(backup["backup_id"], contents(self.server))

    # Tablespaces keep their places in WAL: while a restored server recovers, the directories of the
    # cluster's own lie elsewhere, and there are empty ones.

    def make_place(self, name):
        (self.places / name).mkdir(mode=0o700)
        give_to_server_user(self.places / name)

    def clear_places(self, keep=False):
        aside = self.scratch.root / "spaces.live"
        names = os.listdir(self.places)
        if keep:
            self.places.rename(aside)
            self.places = self.scratch.make_directory("spaces")
        else:
            for name in names:
                shutil.rmtree(self.places / name)
        for name in names:
            self.make_place(name)

    def put_places_back(self):
        shutil.rmtree(self.places)
        (self.scratch.root / "spaces.live").rename(self.places)

    # What must hold.

    def listed(self):
        return self.scratch.pgcairn_json("list")["backups"]

    def remember(self):
        name = f"p{self.number()}"
        held = contents(self.server)
        position = lsn(self.server.sql(f"SELECT pg_create_restore_point('{name}')"))
        self.server.wait_archived()
        self.moments.append(Moment(name, self.timeline, position, self.ancestors, held))

    def restorable_moments(self):
        listed = self.listed()
        return [moment for moment in self.moments
                if any(moment.reached_from(backup) for backup in listed)]

    def restore_to(self, moment, name, *options):
        """From any of the backups that lead there."""
        leading = [backup["backup_id"] for backup in self.listed() if moment.reached_from(backup)]
        return self.restore(self.rng.choice(leading), name, f"--name={moment.name}",
                            f"--timeline={moment.timeline}", *options)

    def restore(self, backup, name, *options):
        self.scratch.pgcairn("restore", "--type=pitr", f"--source={backup}", *self.own_places(backup),
                             f"--target-dir={self.scratch.root}/{name}", *options)
        return self.scratch.server(name)

    def own_places(self, backup):
        spaces = self.scratch.pgcairn_json("show", backup)["tablespaces"]
        return [f"--tablespace-map={space['name']}={space['location']}" for space in spaces]

    def prove(self):
        listed = repository_is_valid(self.scratch)["backups"]
        self.moments = self.restorable_moments()
        name = f"proof{self.number()}"
        self.server.stop()
        self.clear_places(keep=True)
        if self.rng.random() < 0.5 or not self.moments:
            chosen = self.rng.choice(listed)["backup_id"]
            print(f"  restores {chosen}")
            held = self.held_by_backup[chosen]
            restored = self.restore(chosen, name, "--immediate")
        else:
            moment = self.rng.choice(self.moments)
            print(f"  restores {moment.name} of timeline {moment.timeline}")
            held = moment.held
            restored = self.restore_to(moment, name)
        restored.start_recovered(*ALONE)
        require_equal(held, contents(restored))
        restored.stop()
        self.scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", restored.data])
        shutil.rmtree(restored.data)
        self.put_places_back()
        self.server.start()

    def step(self, number):
        kind = self.rng.choice(STEPS)
        print(f"{number}: {kind}", flush=True)
        getattr(self, kind.replace(" ", "_"))()
        self.remember()
        self.prove()


@pytest.mark.parametrize("steps", [12, pytest.param(200, marks=pytest.mark.soak)])
def test_after_every_step_all_that_is_kept_restores(seed, steps):
    began = time.monotonic()
    with Scratch() as scratch:
        walk = Walk(scratch, random.Random(seed))
        for number in range(steps):
            walk.step(number)
    print(f"{steps} steps in {time.monotonic() - began:.0f} s")
