"""Prints the results as tables, or keeps all of them as JSON."""

import dataclasses
import json

import targets
from results import FULL_BACKUP

MIB = 1 << 20
# What takes less is told in milliseconds.
MILLISECONDS_BELOW_S = 1.0


def print_tables(facts, results):
    for name, value in facts.items():
        print(f"{name:18} {value}")
    for measurement in results.measurements():
        print()
        print_measurement(measurement, results)
    print_targets(results)


def print_measurement(measurement, results):
    medians = {tool: results.median(measurement, tool) for tool in results.tools(measurement)}
    short = max(cost.wall_s for cost in medians.values()) < MILLISECONDS_BELOW_S
    unit, factor, digits = ("ms", 1000, 1) if short else ("s", 1, 2)
    size_unit, size_factor = ("KiB", 1024) if short else ("MiB", MIB)
    print(f"{measurement:<49}{'wall ' + unit:>9}{'min':>9}{'max':>9}{'CPU ' + unit:>9}"
          f"{'+ server':>9}{'peak MiB':>10}{'stored ' + size_unit:>13}")
    for tool, cost in medians.items():
        walls = [each.wall_s * factor for each in results.costs(measurement, tool)]
        peak = "" if cost.peak_bytes is None else f"{cost.peak_bytes / MIB:.1f}"
        stored = "" if cost.stored_bytes is None else f"{cost.stored_bytes / size_factor:,.1f}"
        # The server has no part in the short commands, and its clock counts in 10 ms.
        server = "" if short or measurement != FULL_BACKUP else f"{cost.server_cpu_s:.2f}"
        print(f"  {tool:<47}{cost.wall_s * factor:>9.{digits}f}{min(walls):>9.{digits}f}"
              f"{max(walls):>9.{digits}f}{cost.tool_cpu_s * factor:>9.{digits}f}{server:>9}"
              f"{peak:>10}{stored:>13}")


def print_targets(results):
    rows = list(targets.reached(results))
    if not rows:
        return
    print(f"\n{'pgcairn against':<70}{'ratio':>9}{'at most':>9}")
    for target, ratio in rows:
        what = f"{target.measurement}: {target.what} / {target.peer}"
        verdict = "met" if ratio <= target.at_most else "not met"
        print(f"  {what:<68}{ratio:>9.2f}{target.at_most:>9.2f}  {verdict}")


def write_json(file, facts, results):
    json.dump({
        "facts": facts,
        "measurements": {
            measurement: {tool: {"median": as_json(results.median(measurement, tool)),
                                 "all": [as_json(cost) for cost in results.costs(measurement, tool)]}
                          for tool in results.tools(measurement)}
            for measurement in results.measurements()},
        "targets": [{"measurement": target.measurement, "what": target.what, "peer": target.peer,
                     "ratio": ratio, "at_most": target.at_most, "met": ratio <= target.at_most}
                    for target, ratio in targets.reached(results)],
    }, file, indent=2)
    file.write("\n")


def as_json(cost):
    return {**dataclasses.asdict(cost), "cpu_s": cost.cpu_s}
