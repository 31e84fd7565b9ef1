#!/usr/bin/python3
"""Says what a run of scripts/test did: per step, each failure, and one closing line.

usage: sum_results.py DIR [--selected]

DIR/steps has one line per step: its name and exit status. Where DIR/NAME/ exists it holds what the
step left: pytest.xml, or ctest.xml with gtest/PROGRAM.xml beside it. A step without such a folder
is one test. Exits with 1 when anything failed or nothing ran.

With --selected (some tests were asked for by name) a step may be without tests, not all of them.
A test that was skipped counts as failed, and so does a program that says nothing about its tests:
what did not run has not passed.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def junit_cases(path):
    """(name, why it failed or None) for each test of one JUnit file."""
    for case in xml.parse(path).iter("testcase"):
        name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            yield name, "did not run"
        else:
            yield name, None


def ctest_cases(folder):
    """The cases of each program that left a file of its own, else the program as one test."""
    for program, problem in junit_cases(folder / "ctest.xml"):
        program = program.rpartition(".")[2]
        details = folder / "gtest" / f"{program}.xml"
        if not (folder / "gtest").is_dir():
            yield program, problem
            continue
        cases = []
        try:
            cases = list(junit_cases(details))
        except (OSError, xml.ParseError):
            problem = problem or "left no results"
        yield from cases
        # A crash after or between the tests, or a sanitizer's report at the end.
        if problem and not any(why for _, why in cases):
            yield program, problem


def step_cases(folder, name, status, selected):
    cases = []
    try:
        if (folder / "pytest.xml").exists():
            cases = list(junit_cases(folder / "pytest.xml"))
        elif (folder / "ctest.xml").exists():
            cases = list(ctest_cases(folder))
        elif not folder.is_dir():
            return [(name, "failed" if status else None)]
    except xml.ParseError:
        return [(name, "left broken results")]
    if status and not any(why for _, why in cases):
        cases.append((name, f"failed with status {status}"))
    return cases if cases or selected else [(name, "ran no test")]


def summary(directory, selected=False):
    """(lines to print, passed, failed)"""
    directory = pathlib.Path(directory)
    lines, failures, passed = [], [], 0
    for step in (directory / "steps").read_text(encoding="utf-8").splitlines():
        name, status = step.rsplit(" ", 1)
        cases = step_cases(directory / name, name, int(status), selected)
        bad = [(case, why) for case, why in cases if why]
        failures += [f"  {name}: {case}: {why}" for case, why in bad]
        passed += len(cases) - len(bad)
        lines.append(f"  {name:<16} {len(cases) - len(bad):>5} passed {len(bad):>5} failed")
    if failures:
        lines += ["", "failures:", *failures]
    return lines, passed, len(failures)


def main(arguments):
    lines, passed, failed = summary(arguments[0], "--selected" in arguments)
    print("\n".join(["what ran:", *lines, ""]))
    if passed + failed == 0:
        print("nothing ran, which proves nothing")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
