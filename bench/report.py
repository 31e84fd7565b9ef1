"""Prints the results as tables, or keeps all of them as JSON."""

import dataclasses
import json

import targets
from results import (CHANGED_PAGES, CHANGED_SHARES_PERCENT, FULL_BACKUP, INCREMENTAL_BACKUPS,
                     LOGICAL_BACKUP, LOGICAL_CHANGES, PGCAIRN, TABLE_RESTORES, changed_share, logical_share)
from logical_shares import Accounts, Documents

KIB = 1 << 10
MIB = 1 << 20
# What takes less is told in milliseconds.
MILLISECONDS_BELOW_S = 1.0
SHARES = {changed_share(percent): percent for percent in CHANGED_SHARES_PERCENT}
LOGICAL_SHARES = {logical_share(rows.table, change): (rows.table, change)
                  for rows in (Documents, Accounts) for change in LOGICAL_CHANGES}


def print_tables(facts, results):
    for name, value in facts.items():
        print(f"{name:18} {value}")
    for measurement in results.measurements():
        if measurement not in SHARES and measurement not in LOGICAL_SHARES:
            print()
            print_measurement(measurement, results)
    print_shares(results)
    print_logical_shares(results)
    print_targets(results)


def print_measurement(measurement, results):
    medians = {tool: results.median(measurement, tool) for tool in results.tools(measurement)}
    incremental = measurement in INCREMENTAL_BACKUPS
    with_server = measurement in (FULL_BACKUP, LOGICAL_BACKUP, *TABLE_RESTORES.values())
    short = (not incremental
             and max(cost.wall_s for cost in medians.values()) < MILLISECONDS_BELOW_S)
    unit, factor, digits = ("ms", 1000, 1) if short else ("s", 1, 2)
    size_unit, size_factor = ("KiB", 1024) if short else ("MiB", MIB)
    requests = any(cost.requests is not None for cost in medians.values())
    print(f"{measurement:<49}{'wall ' + unit:>9}{'min':>9}{'max':>9}{'CPU ' + unit:>9}"
          f"{'+ server':>9}{'peak MiB':>10}{'stored ' + size_unit:>13}"
          + (f"{'metadata KiB':>14}{'compacted MiB':>15}{'read MiB':>10}" if incremental else "")
          + (f"{'requests':>10}" if requests else ""))
    for tool, cost in medians.items():
        walls = [each.wall_s * factor for each in results.costs(measurement, tool)]
        # The server has no part in the short commands, and its clock counts in 10 ms.
        server = f"{cost.server_cpu_s:.2f}" if measurement in (FULL_BACKUP, LOGICAL_BACKUP) or incremental else ""
        print(f"  {tool:<47}{cost.wall_s * factor:>9.{digits}f}{min(walls):>9.{digits}f}"
              f"{max(walls):>9.{digits}f}{cost.tool_cpu_s * factor:>9.{digits}f}{server:>9}"
              f"{size(cost.peak_bytes, MIB):>10}{size(cost.stored_bytes, size_factor):>13}"
              + (incremental_columns(cost) if incremental else "")
              + (f"{cost.requests if cost.requests is not None else '':>10}" if requests else ""))


def incremental_columns(cost):
    return (f"{size(cost.metadata_bytes, KIB):>14}{size(cost.compacted_bytes, MIB):>15}"
            f"{size(cost.read_bytes, MIB):>10}")


def size(value, factor, digits=1):
    return "" if value is None else f"{value / factor:,.{digits}f}"


def print_shares(results):
    """What an incremental backup costs against the share of pages that changed."""
    measured = [measurement for measurement in SHARES if results.tools(measurement)]
    if not measured:
        return
    print(f"\n{'incremental backup against the share of pages that changed':<64}{'wall s':>9}"
          f"{'CPU s':>9}{'read MiB':>10}{'stored MiB':>13}{'metadata KiB':>14}{'compacted MiB':>15}")
    for measurement in measured:
        changed = results.median(measurement, CHANGED_PAGES)
        print(f"{SHARES[measurement]} % of the two large tables: "
              f"{size(changed.read_bytes, MIB)} MiB of pages")
        for tool in results.tools(measurement):
            cost = results.median(measurement, tool)
            print(f"  {tool:<62}{cost.wall_s:>9.2f}{cost.tool_cpu_s:>9.2f}"
                  f"{size(cost.read_bytes, MIB):>10}{size(cost.stored_bytes, MIB):>13}"
                  f"{size(cost.metadata_bytes, KIB):>14}{size(cost.compacted_bytes, MIB):>15}")


def print_logical_shares(results):
    """What a logical backup stores against what was done to the table since the one before."""
    for table in dict.fromkeys(table for table, _ in LOGICAL_SHARES.values()):
        measured = {change: results.median(logical_share(table, change), PGCAIRN)
                    for change in LOGICAL_CHANGES
                    if results.tools(logical_share(table, change))}
        if not measured:
            continue
        first = next(iter(measured.values()))
        print(f"\n{'logical backups of ' + table:<42}{'wall s':>9}{'CPU s':>9}{'new chunks %':>14}"
              f"{'stored MiB':>12}{'of the first %':>16}{'metadata KiB':>14}{'compacted MiB':>15}")
        for change, cost in measured.items():
            as_changed = cost.stored_bytes - cost.compacted_bytes
            print(f"  {change:<40}{cost.wall_s:>9.2f}{cost.tool_cpu_s:>9.2f}"
                  f"{100 * cost.new_chunks_share:>14.1f}{size(as_changed, MIB):>12}"
                  f"{100 * as_changed / first.stored_bytes:>16.1f}{size(cost.metadata_bytes, KIB):>14}"
                  f"{size(cost.compacted_bytes, MIB):>15}")


def print_targets(results):
    rows = list(targets.reached(results))
    if not rows:
        return
    print(f"\n{'pgcairn against':<107}{'ratio':>9}{'at most':>9}")
    for target, ratio in rows:
        what = f"{target.measurement}: {target.quantity.name} / {target.beside}"
        verdict = "met" if ratio <= target.at_most else "not met"
        print(f"  {what:<105}{ratio:>9.2f}{target.at_most:>9.2f}  {verdict}")


def write_json(file, facts, results):
    json.dump({
        "facts": facts,
        "measurements": {
            measurement: {tool: {"median": as_json(results.median(measurement, tool)),
                                 "all": [as_json(cost) for cost in results.costs(measurement, tool)]}
                          for tool in results.tools(measurement)}
            for measurement in results.measurements()},
        "targets": [{"measurement": target.measurement, "what": target.quantity.name,
                     "peer": target.beside, "ratio": ratio, "at_most": target.at_most,
                     "met": ratio <= target.at_most}
                    for target, ratio in targets.reached(results)],
    }, file, indent=2)
    file.write("\n")


def as_json(cost):
    return {**dataclasses.asdict(cost), "cpu_s": cost.cpu_s}
