"""Measures `restore --delta` into what was just restored: as it is, and after some of its pages changed."""

import os
import random
import re
from dataclasses import replace

from data_files import files_of, read_into_page_cache
from results import DELTA_OF_CHANGED, DELTA_OF_INTACT

PAGE_BYTES = 8192
CHANGED_SHARE = 0.01
SEED = 20_261_127


def measure_delta_restores(runner, tool, target, results):
    measure(runner, tool, target, DELTA_OF_INTACT, results)
    change_pages(target)
    measure(runner, tool, target, DELTA_OF_CHANGED, results)


def measure(runner, tool, target, measurement, results):
    read_into_page_cache(target)
    # What the restore before wrote must not go to the disk on this one's time.
    os.sync()
    cost, output = runner.measure_and_read(tool.delta_command(target))
    results.add(measurement, tool.name, replace(cost, requests=tool.restore_requests(output)))


def change_pages(data):
    """Changes bytes in about one of a hundred pages of all relations: each time in the same ones."""
    drawn = random.Random(SEED)
    for path in files_of(data / "base"):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", path.name):
            continue
        with open(path, "r+b", buffering=0) as file:
            for page in range(path.stat().st_size // PAGE_BYTES):
                if drawn.random() < CHANGED_SHARE:
                    os.pwrite(file.fileno(), drawn.randbytes(64), page * PAGE_BYTES + PAGE_BYTES // 2)
