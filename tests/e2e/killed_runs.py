"""kill -9 at random points of a run: of one that a test starts, or of one that PostgreSQL starts as
archive_command or restore_command."""

import json
import random
import signal
import subprocess
import time

from scratch import Failed, as_server_user, give_to_server_user

# Runs a command in PostgreSQL's place. When a plan lies there, it is the plan for the next run.
ACCIDENT = """
import json, os, pathlib, signal, subprocess, sys, time
place, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
began = time.monotonic()
child = subprocess.Popen(command)

def note(**what):
    with open(place / "outcomes", "a") as outcomes:
        outcomes.write(json.dumps(dict(what, arguments=command[-2:])) + "\\n")

try:
    (place / "plan").rename(place / "taken")
    plan = json.loads((place / "taken").read_text())
except FileNotFoundError:
    plan = None
if plan and plan.get("spare", 0) > 0:
    plan["spare"] -= 1
    (place / "next").write_text(json.dumps(plan))
    (place / "next").rename(place / "plan")
    plan = None
if plan:
    try:
        child.wait(plan["delay"])
    except subprocess.TimeoutExpired:
        if plan["how"] == "group":
            note(killed=True)
            os.killpg(0, signal.SIGKILL)
        child.kill()
status = child.wait()
note(killed=status == -signal.SIGKILL, status=status, seconds=time.monotonic() - began)
if status == -signal.SIGKILL and plan["how"] == "signal":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(status if status >= 0 else plan["status"])
"""


def random_points(rng, count, duration):
    """Moments all over a run, one in each of `count` equal parts of it, in any order."""
    points = [(part + rng.random()) * duration / count for part in range(count)]
    rng.shuffle(points)
    return points


def start(scratch, *arguments):
    return subprocess.Popen(
        as_server_user([scratch.program, f"--config={scratch.root}/config/backup.config.json",
                        "--no-progress", *arguments]),
        cwd=scratch.root, env=scratch.environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


def duration_of(run, times=3):
    """The seconds of an undisturbed run: the median."""
    taken = []
    for _ in range(times):
        began = time.monotonic()
        run()
        taken.append(time.monotonic() - began)
    return sorted(taken)[times // 2]


def run_and_kill(begin, delay):
    """Starts a run and kills it after that many seconds. One that was quicker must have been a
    success. Returns whether it was killed."""
    process = begin()
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.kill()
    status = process.wait()
    if status not in (0, -signal.SIGKILL):
        raise Failed(f"the run ended by itself with {status}")
    return status != 0


class Accidents:
    """A command of PostgreSQL's settings with accidents that a test plans."""

    def __init__(self, scratch, name):
        self.place = scratch.make_directory(name)
        script = self.place / "accident.py"
        script.write_text(ACCIDENT)
        give_to_server_user(script)
        self._prefix = f"/usr/bin/python3 -I -S {script} {self.place}"

    def wrap(self, command):
        return f"{self._prefix} {command}"

    def plan(self, delay, how, status=1, spare=0):
        """The next run but `spare` is killed after `delay` seconds: alone, with the shell seeing
        `status`; with PostgreSQL seeing the signal ("signal"); or together with the server's
        process that started it ("group")."""
        plan = self.place / "next"
        plan.write_text(json.dumps({"delay": delay, "how": how, "status": status, "spare": spare}))
        plan.chmod(0o666)
        give_to_server_user(plan)
        plan.rename(self.place / "plan")

    def planned(self):
        return (self.place / "plan").exists()

    def forget(self):
        (self.place / "plan").unlink(missing_ok=True)

    def outcomes(self):
        path = self.place / "outcomes"
        if not path.exists():
            return []
        # A line that crosses a page of the file can be seen when only its first part is written.
        written, newline, _ = path.read_text().rpartition("\n")
        return [json.loads(line) for line in (written + newline).splitlines()]

    def kills(self):
        return sum(outcome["killed"] for outcome in self.outcomes())


def generator(seed, what):
    return random.Random(f"{seed}/{what}")
