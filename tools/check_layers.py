#!/usr/bin/python3
"""Fails when an include runs against the layers.

usage: check_layers.py [ROOT]     (ROOT: the project, default: the one that holds this file)

A layer includes only itself and the layers that ALLOWED gives it. The table stands here, and not
only in CMake, so that a new edge is a decision that a reviewer sees: the DEPENDS of every
src/*/CMakeLists.txt must agree with it.
"""

import pathlib
import re
import sys

ALLOWED = {
    "util": set(),
    "crypto": {"util"},
    "storage": {"util"},
    "repository": {"util", "crypto", "storage"},
    "postgres": {"util"},
    "sources": {"util", "crypto", "postgres"},
    "config": {"util"},
    "commands": {"util", "crypto", "storage", "repository", "postgres", "sources", "config"},
    "cli": {"util", "config", "postgres", "commands"},
}

# What tests and testing/ folders may include beyond that.
ALLOWED_IN_TESTS = {
    "storage": {"crypto"},
}

# Code generated from src/repository/format/*.proto is included as "format/...".
GENERATED_BY = {"format": "repository"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
DECLARATION = re.compile(r"pgcairn_layer\(([^)]*)\)")
KEYWORDS = ("SHARDS", "DEPENDS", "LIBRARIES", "TEST_DEPENDS", "EXTRA_SOURCES", "ALONE")


def is_test(path):
    return path.stem.endswith("_test") or "testing" in path.parts


def include_problem(layer, test, quote, target):
    """Says what is wrong with one include, or nothing."""
    if target.startswith(("./", "../")) or "/../" in target:
        return f'relative include "{target}"; write it as "<layer>/..."'
    first, slash, _ = target.partition("/")
    used = GENERATED_BY.get(first, first)
    if used not in ALLOWED or not slash:
        if quote == "<":
            return None
        return f'"{target}" begins with no layer; write it as "<layer>/..."'
    if quote == "<":
        return f'<{target}> is ours; include it with quotes'
    allowed = ALLOWED[layer] | (ALLOWED_IN_TESTS.get(layer, set()) if test else set())
    if used != layer and used not in allowed:
        return f'{layer} may not include {used} ("{target}")'
    return None


def check_includes(root):
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".cc", ".h"):
            continue
        relative = path.relative_to(root)
        layer = relative.parts[1]
        if layer not in ALLOWED:
            yield f"{relative}: {layer} is not a layer of the table in tools/check_layers.py"
            continue
        test = is_test(relative)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            include = INCLUDE.match(line)
            problem = include and include_problem(layer, test, *include.groups())
            if problem:
                yield f"{relative}:{number}: {problem}"


def declared_edges(cmake_text):
    """{"NAME": layer, "DEPENDS": {...}, "TEST_DEPENDS": {...}}, or nothing if no layer is made."""
    text = re.sub(r"#.*", "", cmake_text)
    declaration = DECLARATION.search(text)
    if not declaration:
        return None
    name, *words = declaration.group(1).split()
    edges = {"NAME": name, **{keyword: set() for keyword in KEYWORDS}}
    keyword = None
    for word in words:
        if word in KEYWORDS:
            keyword = word
        elif keyword:
            edges[keyword].add(word)
    return edges


def check_cmake(root):
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        relative = (folder / "CMakeLists.txt").relative_to(root)
        if folder.name not in ALLOWED:
            continue
        if not (root / relative).exists():
            yield f"{relative}: missing"
            continue
        edges = declared_edges((root / relative).read_text(encoding="utf-8"))
        if edges is None or edges["NAME"] != folder.name:
            yield f"{relative}: must declare pgcairn_layer({folder.name} ...)"
            continue
        for keyword, table in (("DEPENDS", ALLOWED), ("TEST_DEPENDS", ALLOWED_IN_TESTS)):
            expected = table.get(folder.name, set())
            if edges[keyword] != expected:
                yield (
                    f"{relative}: {keyword} is {sorted(edges[keyword])}, "
                    f"tools/check_layers.py says {sorted(expected)}"
                )
        for name in sorted(ALLOWED):
            if f"pgcairn_{name}" in edges["LIBRARIES"]:
                yield f"{relative}: links {name} past the table; name it in DEPENDS"


def cycles():
    """The table itself must be a hierarchy: each layer rests only on layers already placed."""
    placed = set()
    while True:
        ready = {name for name, below in ALLOWED.items() if name not in placed and below <= placed}
        if not ready:
            return [f"the table has a cycle among {sorted(ALLOWED.keys() - placed)}"] * (
                placed != ALLOWED.keys()
            )
        placed |= ready


def check(root):
    root = pathlib.Path(root)
    problems = [*cycles(), *check_includes(root), *check_cmake(root)]
    if not any((root / "src").rglob("*.cc")):
        problems.append(f"{root}: no source below src/; is this the project?")
    return problems


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[1])
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
