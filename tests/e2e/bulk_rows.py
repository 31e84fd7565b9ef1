"""Rows that do not compress, for tests that need a certain amount of data."""


def make_bulk(server, megabytes, name="bulk", options=""):
    """A table of about that size."""
    words = " || ".join(f"sha256(('{n} ' || g)::bytea)" for n in range(16))
    server.sql(f"CREATE TABLE {name} {options} AS SELECT g AS id, {words} AS body "
               f"FROM generate_series(1, {megabytes * 1800}) g")
