"""What servers of two versions say differently of equal databases: taken out before they are
compared.

Servers of one version are compared by every word.
"""

import re

from database_catalog import EXTENSION_OF

QUALIFIER = re.compile(r'(?:"(?:[^"]|"")+"|\w+)\.(?=[\w"])')


def told_alike(first, second):
    """The objects of both states."""
    if first.major == second.major:
        return first.objects, second.objects
    older = min(first.major, second.major)
    return (_as_before(first.objects, older), _as_before(second.objects, older))


def _as_before(objects, older):
    # What an extension brings is that of its version on this server.
    members = {key for key, properties in objects.items() if properties.get(EXTENSION_OF)}
    extended = {name for kind, name in members if kind in ("table", "view")}
    kept = {}
    for (kind, name), properties in objects.items():
        if (kind, name) in members or (kind == "column" and name.rpartition(".")[0] in extended):
            continue
        if not _known_before(kind, name, properties, older):
            continue
        kept[_name_before(kind, name)] = {
            title: _value_before(kind, title, value, older) for title, value in properties.items()
            if not _only_of_one_version(kind, title, older)}
    return kept


def _known_before(kind, name, properties, older):
    if kind == "constraint" and properties["type"] == "n":
        # NOT NULL is a constraint of a domain since 17, of a table since 18.
        return older >= 18
    return older >= 14 or "multirange" not in f"{kind} {name}"


def _name_before(kind, name):
    """Up to 16 a comment says "on language", and json has its schema before it."""
    name = name.replace("pg_catalog.json", "json")
    return kind, name.replace(" on language ", " language ") if "transform" in name else name


def _only_of_one_version(kind, title, older):
    return (
        # The arguments of conversions (14) and the triggers of partitioned keys (15) are others.
        kind == "conversion" and title == "function" and older < 14
        or kind == "constraint" and title == "triggers" and older < 15
        # The sequence of an unlogged table is unlogged since 15.
        or kind == "sequence" and title == "persistence" and older < 15)


def _value_before(kind, title, value, older):
    if title.startswith("privileges"):
        return [each for each in value if "MAINTAIN" not in each] if older < 17 else value
    if title == "query" and value is not None and older < 16:
        # Since 16 a column of the only table is not qualified.
        return QUALIFIER.sub("", value)
    if kind == "procedure" and title in ("definition", "arguments") and older < 14:
        return re.sub(r"\bIN (?=\w)", "", value)
    if kind == "subscription" and title == "streaming":
        return {"true": "t", "false": "f"}.get(value, value)
    return value
