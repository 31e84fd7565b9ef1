"""A small repository with a logical backup whose catalog has all that makes SQL of it hard, for the
tests of the Python reader."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Callable, List, Optional

from mini_chunks import ChunkStream
from mini_repository import PB, MiniRepository, Settings
from reader_example import READER_FOLDER  # noqa: F401  (makes the reader's package known)

from pgcairn_format.access_key import Credentials
from pgcairn_format.chunk_content import ChunkContentReader
from pgcairn_format.cluster import Cluster, open_cluster
from pgcairn_format.export import ExportOptions, export
from pgcairn_format.manifest import open_manifest, read_references, read_streams
from pgcairn_format.messages import LogicalCatalog
from pgcairn_format.packs import PackReader
from pgcairn_format.storage import Storage

BACKUP = "20240101_020000-00ff"
PAGE = 2048

BEFORE_ROWS = b"""SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.plain (id integer, text text);
-- it's a comment
"""
AFTER_ROWS = b"""--
-- Name: plain plain_text; Type: INDEX; Schema: public; Owner: app
--

CREATE INDEX plain_text ON public.plain USING btree (text);

"""
LAST = b"""--
-- Name: watching; Type: EVENT TRIGGER; Schema: -; Owner: app
--

CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION public.watch();
-- The last line has no end."""
SCHEMA = BEFORE_ROWS + AFTER_ROWS + LAST
ROLES = b"CREATE ROLE app;\n"
PLAIN = [b"1\tone\n2\t\\N\n", b"", b"".join(b"%d\trow \xc3\xbc\\n\n" % n for n in range(3, 900))]
NOISE = random.Random(5).randbytes(30_000)


def default_catalog() -> Any:
    """Sizes and rows of the tables are filled in from the streams."""
    catalog = PB["LogicalCatalog"](
        database=b"app", encoding="UTF8", server_version_num=150020, dump_program="pg_dump 15",
        roles=[b"app"], large_object_page_bytes=PAGE, large_object_parts=2,
    )
    catalog.extensions.add(name=b"ext", schema=b"public", version=b"1")
    for oid, schema, name, columns in (
        (16385, b"public", b"plain", [b"id", b"text"]),
        (16390, b'we"ird', b"it's \\ \xc3\xbc", [b'a"b', b"user"]),
        (16391, b"public", b"no_columns", []),
        (16392, b"public", b"of_extension", [b"x"]),
        (16393, b"public", b"of_extension_too", [b"x"]),
        (4294967295, b"public", b"empty", [b"x"]),
    ):
        catalog.tables.add(oid=oid, schema=schema, name=name, columns=columns, parts=1)
    catalog.tables[0].parts = 3
    catalog.tables[3].of_extension = catalog.tables[4].of_extension = True
    catalog.tables[4].condition = b"WHERE NOT shipped"
    catalog.tables[5].load_schema, catalog.tables[5].load_name = b"public", b"whole"
    for schema, name, last, called in (
        (b"public", b"plain_id_seq", 899, True),
        (b'we"ird', b"it's", 1, False),
        (b"public", b"down", -(2**63), True),
    ):
        catalog.sequences.add(schema=schema, name=name, last_value=last, is_called=called)
    catalog.tables[3].refers_to.append(16393)
    catalog.public_grants.extend([b"GRANT CREATE ON SCHEMA public TO app",
                                  b"GRANT USAGE ON SCHEMA public TO PUBLIC"])
    catalog.filled_views.add(schema=b"public", name=b'vi"ew')
    objects = catalog.large_objects
    objects.add(oid=16500, size=PAGE + 3, owner=b'ro"le', comment=b"it's",
                grants=[b'GRANT SELECT ON LARGE OBJECT 16500 TO "x";', b"REVOKE ALL\n;\n"])
    objects.add(oid=16501, owner=b"app")
    objects.add(oid=16502, size=2 * PAGE + 1, owner=b"app")
    objects.add(oid=16503, size=2 * PAGE, owner=b"app")
    return catalog


def default_rows() -> List[ChunkStream]:
    return [
        *(ChunkStream(f"rows/16385/{n}", data) for n, data in enumerate(PLAIN)),
        ChunkStream("rows/16390/0", b"\\\\.\tx\n\\\\.\t\\\\.\n"),
        ChunkStream("large_objects/1", page(16502, 2, b"\xff") + page(16500, 1, b"end")
                    + page(16503, 2, b"")),
        ChunkStream("rows/16391/0", b"\n\n"),
        ChunkStream("rows/16392/0", b"1\n"),
        ChunkStream("rows/16393/0", b"2\n3\n"),
        ChunkStream("rows/4294967295/0", b""),
        ChunkStream("large_objects/0", page(16500, 0, NOISE[:PAGE]) + page(16502, 0, b"short")),
    ]


def page(oid: int, number: int, data: bytes) -> bytes:
    return b"%d\t%d\t\\\\x%s\n" % (oid, number, data.hex().encode())


def count_rows(catalog: Any, streams: List[ChunkStream]) -> None:
    for table in catalog.tables:
        own = [s.data for s in streams if s.path.startswith(f"rows/{table.oid}/")]
        table.rows = sum(data.count(b"\n") for data in own)
        table.bytes = sum(len(data) for data in own)


def documents(catalog: Any, schema: bytes = SCHEMA, roles: bytes = ROLES) -> List[ChunkStream]:
    return [
        ChunkStream("catalog", catalog.SerializeToString()),
        ChunkStream("schema.dump", NOISE),
        ChunkStream("schema.sql", schema),
        ChunkStream("roles.sql", roles),
    ]


class LogicalExample:
    """A repository with one logical backup; run_reader of reader_example.py takes it as it takes an
    Example. change_catalog and change: of what is stored."""

    def __init__(
        self,
        folder: Path,
        change_catalog: Callable[[Any], Any] = lambda catalog: None,
        change: Callable[[List[ChunkStream]], Any] = lambda streams: None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        rows = default_rows()
        catalog = default_catalog()
        count_rows(catalog, rows)
        change_catalog(catalog)
        self.streams = documents(catalog) + rows
        change(self.streams)
        self.mini = MiniRepository(folder / "repo", Settings(**settings))
        self.mini.add_logical_backup(
            BACKUP, self.streams, left_out=[b"rows of pg_temp.x: of a session"])
        self.key_file = self.mini.write_key_file(folder / "host.key")

    def open(self) -> Cluster:
        storage = Storage(str(self.folder / "repo"))
        credentials = Credentials(self.mini.private_half, None)
        return open_cluster(storage, "main", credentials, lambda text: None)

    def read(self, backup: str = BACKUP) -> List[ChunkStream]:
        """All streams as the reader gives them."""
        cluster = self.open()
        manifest = open_manifest(cluster, backup)
        packs = PackReader(cluster, read_references(cluster, manifest))
        content = ChunkContentReader(packs, cluster.chunk_key)
        return [
            ChunkStream(stream.path, b"".join(content.pieces(streams, stream)))
            for streams, stream in read_streams(cluster, manifest, packs)
        ]

    def export(self, name: str = "out.sql", roles: Optional[str] = None) -> LogicalCatalog:
        """In this process."""
        cluster = self.open()
        roles_file = None if roles is None else str(self.folder / roles)
        options = ExportOptions(str(self.folder / name), roles_file)
        return export(cluster, open_manifest(cluster, BACKUP), options)
