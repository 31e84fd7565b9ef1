"""The most memory that a command ever had resident."""

import json

# Between the test and the command: the kernel counts in what a process had before it became
# another program, and a test runner is large.
SCRIPT = """
import json, os, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as out:
    json.dump(usage.ru_maxrss, out)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_mib(scratch, *arguments):
    """Runs pgcairn, which must succeed."""
    peak = scratch.root / "peak-kib"
    scratch.run(["/usr/bin/python3", "-I", "-S", "-c", SCRIPT, peak, scratch.program,
                 f"--config={scratch.root}/config/backup.config.json", "--no-progress", *arguments],
                timeout=1800)
    return json.loads(peak.read_text()) / 1024
