#!/usr/bin/python3
"""Fails when the tree breaks a rule of the house (CONTRIBUTING.md gives the reason for each).

usage: check_tree.py [ROOT]     (ROOT: the project, default: the one that holds this file)
"""

import os
import pathlib
import re
import sys

# Made by tools or by people for themselves; never part of the project.
IGNORED_FOLDERS = {".git", ".cache", ".idea", ".pytest_cache", ".vscode", "__pycache__", "build"}
CODE_SUFFIXES = {".cc", ".h", ".proto", ".py", ".cmake", ".sh"}
CODE_NAMES = {"CMakeLists.txt"}
SOURCE_LINES_MAX = 600
# Samples that other programs wrote may be binary: small, in a testdata/ folder whose README.md says
# how to make them again.
SAMPLE_BYTES_MAX = 128 * 1024
VAGUE_NAMES = ("common", "misc", "helper", "manager", "utils")

# The words are put together here so that this file does not trip over itself.
UNFINISHED = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]))
SKIPPED = re.compile(
    "|".join(
        [
            "GTEST_" + "SKIP",
            r"\bDISABLED" + r"_\w",
            r"\bpytest\." + r"(skip|xfail|importorskip)\b",
            r"\bmark\." + r"(skip|skipif|xfail)\b",
            r"\bunittest\." + r"(skip\w*|expectedFailure)\b",
            r"\bskip" + r"Test\(",
        ]
    )
)
# Documents may say /home/me, which is nobody's.
MACHINE_PATH = re.compile(r"(?<![\w./}~-])/(work\b|root/|home/(?!me\b)|tmp/b" + "-)")


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in IGNORED_FOLDERS)
        for name in sorted(names):
            yield pathlib.Path(folder, name)


def is_code(path, text):
    return path.suffix in CODE_SUFFIXES or path.name in CODE_NAMES or text.startswith("#!")


def check_name(relative):
    words = re.split(r"[^a-z]+", str(relative).lower())
    for vague in VAGUE_NAMES:
        if vague in words or vague + "s" in words:
            yield f'"{vague}" says nothing about what is inside; name the file after its one idea'


def check_source(relative, lines):
    if len(lines) > SOURCE_LINES_MAX:
        yield f"{len(lines)} lines, at most {SOURCE_LINES_MAX}; one idea, one file"
    if relative.suffix == ".h" and not (lines and re.match(r"//\s*\S", lines[0])):
        yield "a header begins with a comment that states its contract"


def check_text(relative, text):
    lines = text.splitlines()
    if relative.parts[0] == "src" and relative.suffix in (".cc", ".h"):
        yield from check_source(relative, lines)
    if relative.suffix == ".h" and "#pragma once" not in lines:
        yield "#pragma once is missing"
    code = is_code(relative, text)
    for number, line in enumerate(lines, 1):
        if code and UNFINISHED.search(line):
            yield f"line {number}: a note about unfinished work; finish it or write an issue"
        if code and SKIPPED.search(line):
            yield f"line {number}: a test that does not run proves nothing"
        if MACHINE_PATH.search(line):
            yield f"line {number}: a path of one machine"


def check_binary(path):
    if path.parent.name != "testdata":
        yield "a binary file; keep what makes it instead"
        return
    if path.stat().st_size > SAMPLE_BYTES_MAX:
        yield f"a sample of more than {SAMPLE_BYTES_MAX} bytes"
    if not (path.parent / "README.md").exists():
        yield "a sample, but no README.md beside it says how to make it again"


def check(root):
    root = pathlib.Path(root)
    problems = []
    seen = 0
    for path in files(root):
        seen += 1
        relative = path.relative_to(root)
        found = [*check_name(relative)]
        if not path.is_symlink():
            content = path.read_bytes()
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:
                text = None
            if text is None or "\0" in text:
                found += check_binary(path)
            else:
                found += check_text(relative, text)
        problems += [f"{relative}: {problem}" for problem in found]
    if seen == 0:
        problems.append(f"{root}: no files; is this the project?")
    return problems


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[1])
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
