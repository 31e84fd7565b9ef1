"""The messages of src/repository/format/*.proto that the reader needs, field by field.

Leases and the summaries of WAL segments are left out: a mistake in one must not stop a restore.

A field that is absent has the default of Protocol Buffers 3; `optional` fields and messages: None.
"""

from __future__ import annotations

import builtins
import enum
from dataclasses import dataclass
from typing import Optional, Tuple

from .wire import Field, Kind, Message


# identity.proto


@dataclass(frozen=True)
class RepositoryIdentity(Message):
    repository_id: bytes = b""
    created_at_us: int = 0
    created_by: str = ""

    FIELDS = {
        1: Field("repository_id", Kind.BYTES),
        2: Field("created_at_us", Kind.SINT64),
        3: Field("created_by", Kind.STRING),
    }


@dataclass(frozen=True)
class RepositoryFormat(Message):
    version: int = 0
    required_features: Tuple[str, ...] = ()

    FIELDS = {
        1: Field("version", Kind.UINT32),
        2: Field("required_features", Kind.STRING, repeated=True),
    }


# keys.proto


@dataclass(frozen=True)
class ScryptParameters(Message):
    salt: bytes = b""
    log2_n: int = 0
    r: int = 0
    p: int = 0

    FIELDS = {
        1: Field("salt", Kind.BYTES),
        2: Field("log2_n", Kind.UINT32),
        3: Field("r", Kind.UINT32),
        4: Field("p", Kind.UINT32),
    }


class AccessKeyKind(enum.IntEnum):
    UNSPECIFIED = 0
    PASSPHRASE = 1
    KEY_FILE = 2
    UNENCRYPTED = 3


@dataclass(frozen=True)
class AccessKeyObject(Message):
    kind: AccessKeyKind = AccessKeyKind.UNSPECIFIED
    cluster_id: bytes = b""
    access_key_id: bytes = b""
    generation: int = 0
    root_id: bytes = b""
    public_key: bytes = b""
    public_key_mac: bytes = b""
    scrypt: Optional[ScryptParameters] = None
    ephemeral_public_key: bytes = b""
    seal_salt: bytes = b""
    sealed_root: bytes = b""
    plain_root: bytes = b""
    created_at_us: int = 0
    label: str = ""

    FIELDS = {
        1: Field("kind", Kind.ENUM, values=AccessKeyKind),
        2: Field("cluster_id", Kind.BYTES),
        3: Field("access_key_id", Kind.BYTES),
        4: Field("generation", Kind.UINT32),
        5: Field("root_id", Kind.BYTES),
        6: Field("public_key", Kind.BYTES),
        7: Field("public_key_mac", Kind.BYTES),
        8: Field("scrypt", Kind.MESSAGE, message=ScryptParameters),
        9: Field("ephemeral_public_key", Kind.BYTES),
        10: Field("seal_salt", Kind.BYTES),
        11: Field("sealed_root", Kind.BYTES),
        12: Field("plain_root", Kind.BYTES),
        13: Field("created_at_us", Kind.SINT64),
        14: Field("label", Kind.TEXT),
    }


@dataclass(frozen=True)
class DataKey(Message):
    key_id: bytes = b""
    key: bytes = b""
    epoch: int = 0

    FIELDS = {
        1: Field("key_id", Kind.BYTES),
        2: Field("key", Kind.BYTES),
        3: Field("epoch", Kind.UINT32),
    }


@dataclass(frozen=True)
class Epoch(Message):
    number: int = 0
    cluster_id: bytes = b""
    data_keys: Tuple[DataKey, ...] = ()
    fingerprint_secret: bytes = b""
    wal_identity_key: bytes = b""
    chunk_key: bytes = b""
    created_at_us: int = 0

    FIELDS = {
        1: Field("number", Kind.UINT32),
        2: Field("cluster_id", Kind.BYTES),
        3: Field("data_keys", Kind.MESSAGE, repeated=True, message=DataKey),
        4: Field("fingerprint_secret", Kind.BYTES),
        5: Field("wal_identity_key", Kind.BYTES),
        6: Field("chunk_key", Kind.BYTES),
        7: Field("created_at_us", Kind.SINT64),
    }


@dataclass(frozen=True)
class ClusterHistory(Message):
    sequence: int = 0
    system_identifier: int = 0
    server_version_num: int = 0
    wal_segment_size: int = 0
    registered_at_us: int = 0

    FIELDS = {
        1: Field("sequence", Kind.UINT32),
        2: Field("system_identifier", Kind.FIXED64),
        3: Field("server_version_num", Kind.UINT32),
        4: Field("wal_segment_size", Kind.UINT64),
        5: Field("registered_at_us", Kind.SINT64),
    }


# manifest.proto


@dataclass(frozen=True)
class PackReference(Message):
    sha256: bytes = b""
    length: int = 0
    key_id: bytes = b""
    salt: bytes = b""

    FIELDS = {
        1: Field("sha256", Kind.BYTES),
        2: Field("length", Kind.UINT64),
        3: Field("key_id", Kind.BYTES),
        4: Field("salt", Kind.BYTES),
    }


@dataclass(frozen=True)
class BlobReference(Message):
    pack: Optional[PackReference] = None
    offset: int = 0
    stored_length: int = 0
    raw_length: int = 0
    ordinal: int = 0
    codec: int = 0

    FIELDS = {
        1: Field("pack", Kind.MESSAGE, message=PackReference),
        2: Field("offset", Kind.UINT32),
        3: Field("stored_length", Kind.UINT32),
        4: Field("raw_length", Kind.UINT32),
        5: Field("ordinal", Kind.UINT32),
        6: Field("codec", Kind.UINT32),
    }


@dataclass(frozen=True)
class Tablespace(Message):
    oid: int = 0
    name: str = ""
    location: str = ""

    FIELDS = {
        1: Field("oid", Kind.UINT32),
        2: Field("name", Kind.TEXT),
        3: Field("location", Kind.TEXT),
    }


@dataclass(frozen=True)
class Database(Message):
    oid: int = 0
    name: str = ""

    FIELDS = {
        1: Field("oid", Kind.UINT32),
        2: Field("name", Kind.TEXT),
    }


@dataclass(frozen=True)
class Setting(Message):
    name: str = ""
    value: str = ""

    FIELDS = {
        1: Field("name", Kind.STRING),
        2: Field("value", Kind.TEXT),
    }


@dataclass(frozen=True)
class WalProof(Message):
    name: str = ""
    content_identity: bytes = b""

    FIELDS = {
        1: Field("name", Kind.STRING),
        2: Field("content_identity", Kind.BYTES),
    }


@dataclass(frozen=True)
class BadPage(Message):
    path: str = ""
    block: int = 0

    FIELDS = {
        1: Field("path", Kind.TEXT),
        2: Field("block", Kind.UINT32),
    }


@dataclass(frozen=True)
class Predecessor(Message):
    backup_id: str = ""
    manifest_sha256: bytes = b""

    FIELDS = {
        1: Field("backup_id", Kind.STRING),
        2: Field("manifest_sha256", Kind.BYTES),
    }


class BackupType(enum.IntEnum):
    UNSPECIFIED = 0
    FULL = 1
    INCREMENTAL = 2
    SCHEMA = 3


class BackupMethod(enum.IntEnum):
    UNSPECIFIED = 0
    PHYSICAL = 1
    LOGICAL = 2


@dataclass(frozen=True)
class Manifest(Message):
    backup_id: str = ""
    cluster_name: str = ""
    type: BackupType = BackupType.UNSPECIFIED
    method: BackupMethod = BackupMethod.UNSPECIFIED
    started_at_us: int = 0
    finished_at_us: int = 0
    program_version: str = ""
    host: str = ""
    note: Optional[str] = None
    predecessor: Optional[Predecessor] = None
    system_identifier: int = 0
    server_version_num: int = 0
    catalog_version: int = 0
    timeline: int = 0
    start_lsn: int = 0
    stop_lsn: int = 0
    stop_time_us: int = 0
    wal_segment_size: int = 0
    block_size: int = 0
    relation_segment_pages: int = 0
    data_checksums: Optional[bool] = None
    data_directory: str = ""
    data_directory_mode: int = 0
    tablespaces: Tuple[Tablespace, ...] = ()
    databases: Tuple[Database, ...] = ()
    settings: Tuple[Setting, ...] = ()
    config_file: str = ""
    hba_file: str = ""
    ident_file: str = ""
    notes: Tuple[str, ...] = ()
    backup_label: bytes = b""
    tablespace_map: bytes = b""
    control_file: bytes = b""
    wal: Tuple[WalProof, ...] = ()
    stream_lists: Tuple[BlobReference, ...] = ()
    stream_count: int = 0
    stream_bytes: int = 0
    references_sha256: bytes = b""
    references_length: int = 0
    pack_count: int = 0
    pack_bytes: int = 0
    new_pack_bytes: int = 0
    pages_checked: int = 0
    pages_torn: int = 0
    bad_pages: Tuple[BadPage, ...] = ()
    bad_page_count: int = 0
    base_backup_id: Optional[str] = None
    listed_at_us: int = 0
    compared_at_us: int = 0
    compare_reason: str = ""
    files_unchanged: int = 0
    files_compared: int = 0
    pages_read: int = 0
    pages_changed: int = 0
    pages_stored: int = 0
    pages_compacted: int = 0
    new_data_bytes: int = 0
    compacted_bytes: int = 0
    new_metadata_bytes: int = 0
    unseen_changes: Tuple[bytes, ...] = ()
    unseen_change_count: int = 0
    resumed_from: Optional[str] = None
    table_count: int = 0
    row_count: int = 0
    chunk_count: int = 0
    new_chunk_count: int = 0
    left_out: Tuple[bytes, ...] = ()

    FIELDS = {
        1: Field("backup_id", Kind.STRING),
        2: Field("cluster_name", Kind.STRING),
        3: Field("type", Kind.ENUM, values=BackupType),
        4: Field("method", Kind.ENUM, values=BackupMethod),
        5: Field("started_at_us", Kind.SINT64),
        6: Field("finished_at_us", Kind.SINT64),
        7: Field("program_version", Kind.STRING),
        8: Field("host", Kind.TEXT),
        9: Field("note", Kind.TEXT),
        10: Field("predecessor", Kind.MESSAGE, message=Predecessor),
        20: Field("system_identifier", Kind.FIXED64),
        21: Field("server_version_num", Kind.UINT32),
        22: Field("catalog_version", Kind.UINT32),
        23: Field("timeline", Kind.UINT32),
        24: Field("start_lsn", Kind.FIXED64),
        25: Field("stop_lsn", Kind.FIXED64),
        26: Field("stop_time_us", Kind.SINT64),
        27: Field("wal_segment_size", Kind.UINT64),
        28: Field("block_size", Kind.UINT32),
        29: Field("relation_segment_pages", Kind.UINT32),
        30: Field("data_checksums", Kind.BOOL),
        31: Field("data_directory", Kind.TEXT),
        32: Field("data_directory_mode", Kind.UINT32),
        33: Field("tablespaces", Kind.MESSAGE, repeated=True, message=Tablespace),
        34: Field("databases", Kind.MESSAGE, repeated=True, message=Database),
        35: Field("settings", Kind.MESSAGE, repeated=True, message=Setting),
        36: Field("config_file", Kind.TEXT),
        37: Field("hba_file", Kind.TEXT),
        38: Field("ident_file", Kind.TEXT),
        39: Field("notes", Kind.TEXT, repeated=True),
        50: Field("backup_label", Kind.BYTES),
        51: Field("tablespace_map", Kind.BYTES),
        52: Field("control_file", Kind.BYTES),
        53: Field("wal", Kind.MESSAGE, repeated=True, message=WalProof),
        60: Field("stream_lists", Kind.MESSAGE, repeated=True, message=BlobReference),
        61: Field("stream_count", Kind.UINT64),
        62: Field("stream_bytes", Kind.UINT64),
        70: Field("references_sha256", Kind.BYTES),
        71: Field("references_length", Kind.UINT64),
        72: Field("pack_count", Kind.UINT64),
        73: Field("pack_bytes", Kind.UINT64),
        74: Field("new_pack_bytes", Kind.UINT64),
        80: Field("pages_checked", Kind.UINT64),
        81: Field("pages_torn", Kind.UINT64),
        82: Field("bad_pages", Kind.MESSAGE, repeated=True, message=BadPage),
        83: Field("bad_page_count", Kind.UINT64),
        90: Field("base_backup_id", Kind.STRING),
        91: Field("listed_at_us", Kind.SINT64),
        92: Field("compared_at_us", Kind.SINT64),
        93: Field("compare_reason", Kind.STRING),
        94: Field("files_unchanged", Kind.UINT64),
        95: Field("files_compared", Kind.UINT64),
        96: Field("pages_read", Kind.UINT64),
        97: Field("pages_changed", Kind.UINT64),
        98: Field("pages_stored", Kind.UINT64),
        99: Field("pages_compacted", Kind.UINT64),
        100: Field("new_data_bytes", Kind.UINT64),
        101: Field("compacted_bytes", Kind.UINT64),
        102: Field("new_metadata_bytes", Kind.UINT64),
        103: Field("unseen_changes", Kind.BYTES, repeated=True),
        104: Field("unseen_change_count", Kind.UINT64),
        105: Field("resumed_from", Kind.STRING),
        120: Field("table_count", Kind.UINT64),
        121: Field("row_count", Kind.UINT64),
        122: Field("chunk_count", Kind.UINT64),
        123: Field("new_chunk_count", Kind.UINT64),
        124: Field("left_out", Kind.BYTES, repeated=True),
    }


# logical.proto


@dataclass(frozen=True)
class LogicalTable(Message):
    # One of its fields takes the name of the type.
    oid: int = 0
    schema: builtins.bytes = b""
    name: builtins.bytes = b""
    columns: Tuple[builtins.bytes, ...] = ()
    parts: int = 0
    rows: int = 0
    bytes: int = 0
    condition: builtins.bytes = b""
    of_extension: bool = False
    load_schema: builtins.bytes = b""
    load_name: builtins.bytes = b""
    refers_to: Tuple[int, ...] = ()

    FIELDS = {
        1: Field("oid", Kind.UINT32),
        2: Field("schema", Kind.BYTES),
        3: Field("name", Kind.BYTES),
        4: Field("columns", Kind.BYTES, repeated=True),
        5: Field("parts", Kind.UINT32),
        6: Field("rows", Kind.UINT64),
        7: Field("bytes", Kind.UINT64),
        8: Field("condition", Kind.BYTES),
        9: Field("of_extension", Kind.BOOL),
        10: Field("load_schema", Kind.BYTES),
        11: Field("load_name", Kind.BYTES),
        12: Field("refers_to", Kind.UINT32, repeated=True),
    }


@dataclass(frozen=True)
class LogicalSequence(Message):
    schema: bytes = b""
    name: bytes = b""
    last_value: int = 0
    is_called: bool = False

    FIELDS = {
        1: Field("schema", Kind.BYTES),
        2: Field("name", Kind.BYTES),
        3: Field("last_value", Kind.SINT64),
        4: Field("is_called", Kind.BOOL),
    }


@dataclass(frozen=True)
class LogicalLargeObject(Message):
    oid: int = 0
    size: int = 0
    owner: bytes = b""
    grants: Tuple[bytes, ...] = ()
    comment: Optional[bytes] = None

    FIELDS = {
        1: Field("oid", Kind.UINT32),
        2: Field("size", Kind.UINT64),
        3: Field("owner", Kind.BYTES),
        4: Field("grants", Kind.BYTES, repeated=True),
        5: Field("comment", Kind.BYTES),
    }


@dataclass(frozen=True)
class LogicalExtension(Message):
    name: bytes = b""
    schema: bytes = b""
    version: bytes = b""

    FIELDS = {
        1: Field("name", Kind.BYTES),
        2: Field("schema", Kind.BYTES),
        3: Field("version", Kind.BYTES),
    }


@dataclass(frozen=True)
class LogicalView(Message):
    schema: bytes = b""
    name: bytes = b""

    FIELDS = {
        1: Field("schema", Kind.BYTES),
        2: Field("name", Kind.BYTES),
    }


@dataclass(frozen=True)
class LogicalObject(Message):
    catalog: int = 0
    oid: int = 0

    FIELDS = {
        1: Field("catalog", Kind.UINT32),
        2: Field("oid", Kind.UINT32),
    }


@dataclass(frozen=True)
class LogicalCatalog(Message):
    database: bytes = b""
    encoding: str = ""
    server_version_num: int = 0
    dump_program: str = ""
    roles: Tuple[bytes, ...] = ()
    extensions: Tuple[LogicalExtension, ...] = ()
    tables: Tuple[LogicalTable, ...] = ()
    sequences: Tuple[LogicalSequence, ...] = ()
    large_objects: Tuple[LogicalLargeObject, ...] = ()
    large_object_page_bytes: int = 0
    large_object_parts: int = 0
    filled_views: Tuple[LogicalView, ...] = ()
    needing_hidden: Tuple[LogicalObject, ...] = ()
    public_grants: Tuple[bytes, ...] = ()

    FIELDS = {
        1: Field("database", Kind.BYTES),
        2: Field("encoding", Kind.STRING),
        3: Field("server_version_num", Kind.UINT32),
        4: Field("dump_program", Kind.STRING),
        5: Field("roles", Kind.BYTES, repeated=True),
        6: Field("extensions", Kind.MESSAGE, repeated=True, message=LogicalExtension),
        7: Field("tables", Kind.MESSAGE, repeated=True, message=LogicalTable),
        8: Field("sequences", Kind.MESSAGE, repeated=True, message=LogicalSequence),
        9: Field("large_objects", Kind.MESSAGE, repeated=True, message=LogicalLargeObject),
        10: Field("large_object_page_bytes", Kind.UINT32),
        11: Field("large_object_parts", Kind.UINT32),
        12: Field("filled_views", Kind.MESSAGE, repeated=True, message=LogicalView),
        13: Field("needing_hidden", Kind.MESSAGE, repeated=True, message=LogicalObject),
        14: Field("public_grants", Kind.BYTES, repeated=True),
    }


# wal.proto


@dataclass(frozen=True)
class WalBlob(Message):
    codec: int = 0
    raw_length: int = 0
    stored_length: int = 0

    FIELDS = {
        1: Field("codec", Kind.UINT32),
        2: Field("raw_length", Kind.UINT32),
        3: Field("stored_length", Kind.UINT32),
    }


@dataclass(frozen=True)
class WalInfo(Message):
    name: str = ""
    raw_size: int = 0
    blobs: Tuple[WalBlob, ...] = ()
    system_identifier: int = 0
    major_version: int = 0
    pushed_at_us: int = 0
    content_identity: bytes = b""

    FIELDS = {
        1: Field("name", Kind.STRING),
        2: Field("raw_size", Kind.UINT64),
        3: Field("blobs", Kind.MESSAGE, repeated=True, message=WalBlob),
        5: Field("system_identifier", Kind.FIXED64),
        6: Field("major_version", Kind.UINT32),
        7: Field("pushed_at_us", Kind.SINT64),
        8: Field("content_identity", Kind.BYTES),
    }
