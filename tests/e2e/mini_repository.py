"""Writes small repositories from docs/format.md, for the tests of what reads them.

The messages come from the .proto files by way of protoc, so that the tests also hold the reader's
tables against those. Every number that a test may want to be wrong can be changed on the way: see
`MiniRepository.edit`.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import os
import random
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import zstandard
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf import descriptor_pb2, message_factory

SOURCE = Path(__file__).resolve().parents[2]
UNIT = 8192
ZERO_UNIT = 65535
NO_LEAF = 2**32 - 1


def proto_descriptors() -> descriptor_pb2.FileDescriptorSet:
    folder = SOURCE / "src" / "repository" / "format"
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc", f"-I{folder}", f"--descriptor_set_out={out.name}"]
            + sorted(str(path) for path in folder.glob("*.proto")),
            check=True,
        )
        return descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())


def proto_messages() -> Dict[str, Any]:
    classes = message_factory.GetMessages(list(proto_descriptors().file))
    return {name.rsplit(".", 1)[1]: message for name, message in classes.items()}


PB = proto_messages()


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha256").digest()


def public_of(private: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def xxh3(data: bytes, secret: bytes) -> int:
    function = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSecret
    function.restype = ctypes.c_uint64
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return function(data, len(data), secret, len(secret))


@dataclass
class File:
    """What a test wants in a backup: data None is a directory. `packed` shares a leaf."""

    path: str
    data: Optional[bytes]
    mode: int = 0o600
    root: int = 0
    kind: int = 2
    packed: bool = True


@dataclass
class Blob:
    pack: "Pack"
    offset: int
    stored: int
    raw: int
    ordinal: int
    codec: int

    def columns(self, packs: List["Pack"], last: int = 0) -> bytes:
        index = packs.index(self.pack)
        return struct.pack(
            "<IIIIIHH", index, self.offset, self.stored, self.raw, self.ordinal, self.codec, last
        )


class Pack:
    def __init__(self, repository: "MiniRepository", kind: bytes) -> None:
        self.repository, self.kind = repository, kind
        self.salt = repository.random_bytes(32)
        self.data = repository.header(kind, repository.data_key, self.salt)
        self.key = repository.object_key(repository.data_key, self.salt, kind)[:32]
        self.count = 0
        self.sha256 = b""

    def add(self, raw: bytes, codec: int) -> Blob:
        stored = self.repository.seal(self.key, self.salt, self.count, codec, raw)
        blob = Blob(self, len(self.data), len(stored), len(raw), self.count, codec)
        self.data += stored
        self.count += 1
        return blob

    def close(self) -> None:
        """With a blob at the end that no backup refers to, as a pack may have."""
        self.add(b"nobody's", 0)
        self.sha256 = hashlib.sha256(self.data).digest()
        name = self.sha256.hex()
        self.repository.put(f"{self.repository.folder}/packs/{name[:2]}/{name}", self.data)

    def columns(self) -> bytes:
        key_id = self.repository.data_key_id
        return struct.pack("<32sQ8s32s", self.sha256, len(self.data), key_id, self.salt)

    def message(self) -> Any:
        return PB["PackReference"](
            sha256=self.sha256,
            length=len(self.data),
            key_id=self.repository.data_key_id,
            salt=self.salt,
        )


def no_edit(what: str, value: Any) -> Any:
    return value


@dataclass
class Settings:
    """kinds: of the access keys; see MiniRepository for edit."""

    kinds: Tuple[str, ...] = ("KEY_FILE",)
    passphrase: str = "correct horse ü"
    cluster: str = "main"
    system_identifier: int = 0x6A3F00112233AABB
    segment_size: int = 1 << 20
    seed: int = 1
    blob_raw: int = 64 * 1024
    leaf_units: int = 16
    pack_size: int = 96 * 1024
    tablespaces: Tuple[Tuple[int, str, str], ...] = ()
    edit: Callable[[str, Any], Any] = field(default=no_edit)


class MiniRepository:
    """A repository in a directory. `edit(what, value)` may change values before they are sealed."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory, self.settings, self.edit = directory, settings, settings.edit
        self._random = random.Random(settings.seed)
        self.folder = f"clusters/{settings.cluster}"
        self.repository_id, self.cluster_id = self.random_bytes(16), self.random_bytes(16)
        self.root, self.data_key, self.old_data_key = (self.random_bytes(32) for _ in range(3))
        self.root_id = mac(self.root, b"pgcairn root id v1")[:8]
        self.data_key_id = self.key_id(self.data_key)
        self.fingerprint_secret, self.wal_identity_key = self.random_bytes(192), self.random_bytes(
            32
        )
        self.private_half = self.random_bytes(32)
        self.wal_identities: Dict[str, bytes] = {}
        self._write_identity()
        for number, kind in enumerate(settings.kinds):
            self._write_access_key(kind, number)
        self._write_epoch()
        self._write_history()

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def put(self, name: str, data: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    @staticmethod
    def key_id(data_key: bytes) -> bytes:
        return mac(data_key, b"pgcairn data key id v1")[:8]

    # Sections 2 to 4.

    def object_key(self, key: bytes, salt: bytes, kind: bytes) -> bytes:
        return hkdf(key, salt, b"pgcairn object v1" + kind, 48)

    def header(self, kind: bytes, key: bytes, salt: bytes, identity: bytes = bytes(32)) -> bytes:
        key_id = self.root_id if key == self.root else self.key_id(key)
        head = b"PGCAIRN" + kind + struct.pack("<HHI", 1, 108, 0) + identity + key_id
        return head + struct.pack("<BBH", 1, 0, 32) + salt + self.object_key(key, salt, kind)[32:]

    def seal(self, key: bytes, salt: bytes, ordinal: int, codec: int, raw: bytes) -> bytes:
        encoded = zstandard.ZstdCompressor(3).compress(raw) if codec == 1 else raw
        encoded = self.edit("encoded", encoded)
        aad = self.repository_id + self.cluster_id + salt
        aad += struct.pack("<IHHI", ordinal, codec, 0, len(raw))
        return AESGCM(key).encrypt(bytes(4) + struct.pack("<Q", ordinal), encoded, aad)

    def plain(self, kind: bytes, message: bytes) -> bytes:
        head = b"PGCAIRN" + kind + struct.pack("<HHI", 1, 76, 0) + bytes(32 + 8)
        head += struct.pack("<BBH", 0, 0, 0) + bytes(16) + struct.pack("<I", len(message))
        return head + message + hashlib.sha256(head + message).digest()

    def sealed(
        self, kind: bytes, message: bytes, key: bytes, identity: bytes = bytes(32), codec: int = 1
    ) -> Tuple[bytes, bytes, bytes]:
        """(the object, its AES key, its salt)."""
        salt = self.random_bytes(32)
        aes_key = self.object_key(key, salt, kind)[:32]
        blob = self.seal(aes_key, salt, 0, codec, message)
        frame = struct.pack("<HHII", codec, 0, len(message), len(blob))
        return self.header(kind, key, salt, identity) + frame + blob, aes_key, salt

    # Section 5.

    def _write_identity(self) -> None:
        message = PB["RepositoryIdentity"](repository_id=self.repository_id, created_by="mini")
        data = self.plain(b"R", message.SerializeToString())
        self.put("repository", data)
        self.put("repository.copy", data)
        format_message = self.edit("format", PB["RepositoryFormat"](version=1))
        self.put("format/1", self.plain(b"F", format_message.SerializeToString()))

    def _write_access_key(self, kind: str, number: int) -> None:
        message = PB["AccessKeyObject"](
            kind=kind, cluster_id=self.cluster_id, generation=1, root_id=self.root_id, label=kind
        )
        if kind == "UNENCRYPTED":
            message.access_key_id, message.plain_root = bytes(8), self.root
        else:
            self._seal_root(message, kind)
        message = self.edit("access key", message)
        data = self.plain(b"K", message.SerializeToString())
        name = f"{self.folder}/keys/00000001-{message.access_key_id.hex()}"
        self.put(name, data)
        self.put(f"{name}.copy", data)

    def _seal_root(self, message: Any, kind: str) -> None:
        private = self.private_half
        if kind == "PASSPHRASE":
            salt = self.random_bytes(32)
            secret = self.settings.passphrase.encode()
            private = hashlib.scrypt(secret, salt=salt, n=1 << 10, r=8, p=1, dklen=32)
            message.scrypt.salt, message.scrypt.log2_n = salt, 10
            message.scrypt.r, message.scrypt.p = 8, 1
        public, ephemeral = public_of(private), self.random_bytes(32)
        message.public_key = public
        message.access_key_id = hashlib.sha256(b"pgcairn access key id v1" + public).digest()[:8]
        message.ephemeral_public_key = public_of(ephemeral)
        message.seal_salt = self.random_bytes(32)
        shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
        info = b"pgcairn access key v1" + message.ephemeral_public_key + public
        generation = struct.pack("<I", message.generation)
        bound = self.repository_id + self.cluster_id + message.access_key_id + generation
        message.sealed_root = AESGCM(hkdf(shared, message.seal_salt, info, 32)).encrypt(
            bytes(12), self.root, hashlib.sha256(bound + self.root_id).digest()
        )
        said = message.access_key_id + generation + bytes([message.kind]) + public
        message.public_key_mac = mac(hkdf(self.root, b"", b"pgcairn public keys v1", 32), said)

    def write_key_file(self, path: Path) -> Path:
        public = public_of(self.private_half)
        key_id = hashlib.sha256(b"pgcairn access key id v1" + public).digest()[:8]
        path.write_text(f"PGCAIRN-ACCESS-KEY-1 {key_id.hex()} {self.private_half.hex()}\n")
        return path

    def _write_epoch(self) -> None:
        for number, keys in ((1, [self.old_data_key]), (2, [self.old_data_key, self.data_key])):
            message = PB["Epoch"](
                number=number,
                cluster_id=self.cluster_id,
                fingerprint_secret=self.fingerprint_secret,
                wal_identity_key=self.wal_identity_key,
                chunk_key=bytes(32),
            )
            for epoch, key in enumerate(keys, start=1):
                message.data_keys.add(key_id=self.key_id(key), key=key, epoch=epoch)
            message = self.edit("epoch", message)
            data = self.sealed(b"E", message.SerializeToString(), self.root)[0]
            self.put(f"{self.folder}/epochs/{number:08x}", data)
            self.put(f"{self.folder}/epochs/{number:08x}.copy", data)

    def _write_history(self) -> None:
        settings = self.settings
        message = PB["ClusterHistory"](
            sequence=1,
            system_identifier=settings.system_identifier,
            wal_segment_size=settings.segment_size,
        )
        data = self.sealed(b"H", message.SerializeToString(), self.data_key)[0]
        self.put(f"{self.folder}/history/{settings.system_identifier:016x}", data)

    # Section 9.

    def wal_name(self, name: str) -> str:
        folder = "history" if name.endswith(".history") else name[:16]
        return f"{self.folder}/wal/{self.settings.system_identifier:016x}/{folder}/{name}"

    def add_wal(self, name: str, data: bytes) -> None:
        content = data.rstrip(b"\0")
        tagger = AESGCM(hkdf(self.wal_identity_key, b"", b"pgcairn wal pieces v1", 32))
        tags = b"".join(tagger.encrypt(bytes(12), b"", content[start : start + 2**20])
                        for start in range(0, len(content), 2**20))
        identity = mac(self.wal_identity_key, struct.pack("<H", len(name)) + name.encode()
                       + struct.pack("<Q", len(data)) + tags)
        info = PB["WalInfo"](
            name=name, raw_size=len(data), system_identifier=self.settings.system_identifier,
            content_identity=identity,
        )
        salt = self.random_bytes(32)
        aes_key = self.object_key(self.data_key, salt, b"W")[:32]
        blobs = b""
        for ordinal, start in enumerate(range(0, len(content), self.settings.blob_raw), start=1):
            raw = content[start : start + self.settings.blob_raw]
            codec = ordinal % 2
            stored = self.seal(aes_key, salt, ordinal, codec, raw)
            info.blobs.add(codec=codec, raw_length=len(raw), stored_length=len(stored))
            blobs += stored
        info = self.edit("wal info", info)
        message = info.SerializeToString()
        head = self.seal(aes_key, salt, 0, 0, message)
        frame = struct.pack("<HHII", 0, 0, len(message), len(head))
        identity = self.edit("content identity", identity)
        header = self.header(b"W", self.data_key, salt, identity)
        self.put(self.wal_name(name), header + frame + head + blobs)
        self.wal_identities[name] = identity

    # Sections 6 to 8 and 10 to 12.

    def add_backup(self, backup_id: str, files: List[File], **fields: Any) -> None:
        packs: List[Pack] = []
        units, entries = self._leaves_of(files, packs)
        lists = self._write_lists(files, units, entries, packs)
        references, listed = self._write_references(backup_id, packs)
        settings = self.settings
        manifest = PB["Manifest"](
            backup_id=backup_id,
            cluster_name=settings.cluster,
            type="FULL",
            method="PHYSICAL",
            started_at_us=1_700_000_000_000_000,
            finished_at_us=1_700_000_060_000_000,
            system_identifier=settings.system_identifier,
            server_version_num=150020,
            timeline=1,
            start_lsn=0x2000028,
            stop_lsn=0x2000138,
            wal_segment_size=settings.segment_size,
            data_directory_mode=0o700,
            backup_label=b"START WAL LOCATION: 0/2000028 (file 000000010000000000000020)\n",
            control_file=bytes(range(256)) * 32,
            stream_count=len(files),
            stream_bytes=sum(len(file.data or b"") for file in files),
            references_sha256=hashlib.sha256(references).digest(),
            references_length=len(references),
            pack_count=len(listed),
            pack_bytes=sum(length for _, length in listed),
            new_pack_bytes=sum(len(pack.data) for pack in packs),
        )
        for oid, name, location in settings.tablespaces:
            manifest.tablespaces.add(oid=oid, name=name.encode(), location=location.encode())
            manifest.tablespace_map += f"{oid} {location}\n".encode()
        for name, identity in self.wal_identities.items():
            if len(name) == 24:
                manifest.wal.add(name=name, content_identity=identity)
        for blob in lists:
            manifest.stream_lists.add(
                pack=blob.pack.message(),
                offset=blob.offset,
                stored_length=blob.stored,
                raw_length=blob.raw,
                ordinal=blob.ordinal,
                codec=blob.codec,
            )
        for name, value in fields.items():
            setattr(manifest, name, value)
        message = self.edit("manifest", manifest).SerializeToString()
        data = self.sealed(b"B", message, self.data_key)[0]
        self.put(f"{self.folder}/backups/{backup_id}", data)

    def _leaves_of(
        self, files: List[File], packs: List[Pack]
    ) -> Tuple[List[Tuple[Blob, int]], List[Tuple[int, int]]]:
        """(the leaves with their numbers of units, each file's first leaf and entry)."""
        groups: List[List[Tuple[int, bytes]]] = [[]]
        entries: List[Tuple[int, int]] = []
        for number, file in enumerate(files):
            data = file.data or b""
            if not data:
                entries.append((NO_LEAF, 0))
                continue
            units = [(number, data[i : i + UNIT]) for i in range(0, len(data), UNIT)]
            # A stream that goes on in the next leaf must end the one it is in.
            if groups[-1] and (not file.packed or len(groups[-1]) >= self.settings.leaf_units):
                groups.append([])
            entries.append((len(groups) - 1, len(groups[-1])))
            for unit in units:
                if len(groups[-1]) >= self.settings.leaf_units:
                    groups.append([])
                groups[-1].append(unit)
        groups = [group for group in groups if group]
        data_packs = [Pack(self, b"D")]
        raw_leaves = [self._leaf_parts([u for _, u in group], data_packs) for group in groups]
        for pack in data_packs:
            pack.close()
        packs += data_packs
        if not raw_leaves:
            return [], entries
        metadata = Pack(self, b"M")
        leaves = []
        for raw, count in ((self._leaf(*parts), len(parts[1])) for parts in raw_leaves):
            leaves.append((metadata.add(raw, 1), count))
        metadata.close()
        packs.append(metadata)
        return leaves, entries

    def _leaf_parts(
        self, units: List[bytes], packs: List[Pack]
    ) -> Tuple[List[Blob], List[int], List[int], List[int]]:
        """Blobs, and for each unit blob, place and fingerprint. Equal units are stored once."""
        blobs: List[Blob] = []
        indexes, places, fingerprints = [], [], []
        raw, known = b"", {}
        for unit in units + [None]:
            if raw and (unit is None or len(raw) + len(unit) > self.settings.blob_raw):
                if len(packs[-1].data) > self.settings.pack_size:
                    packs.append(Pack(self, b"D"))
                blobs.append(packs[-1].add(raw, len(blobs) % 2))
                raw = b""
            if unit is None:
                break
            fingerprints.append(xxh3(unit, self.fingerprint_secret))
            if not any(unit):
                indexes.append(ZERO_UNIT)
                places.append(0)
                continue
            if unit not in known:
                known[unit] = (len(blobs), len(raw))
                raw += unit
            indexes.append(known[unit][0])
            places.append(known[unit][1])
        return blobs, indexes, places, fingerprints

    def _leaf(
        self, blobs: List[Blob], indexes: List[int], places: List[int], fingerprints: List[int]
    ) -> bytes:
        packs = list({id(blob.pack): blob.pack for blob in blobs}.values())
        columns = self.edit("units", [list(c) for c in (indexes, places, fingerprints)])
        count = len(indexes)
        raw = b"PGML" + struct.pack("<HBBIIII", 1, 1, 1, UNIT, count, len(packs), len(blobs))
        raw += b"".join(pack.columns() for pack in packs)
        raw += b"".join(blob.columns(packs) for blob in blobs)
        raw += struct.pack(f"<{count}H{count}I{count}Q", *columns[0], *columns[1], *columns[2])
        return self.edit("leaf", raw)

    def _write_lists(
        self,
        files: List[File],
        leaves: List[Tuple[Blob, int]],
        entries: List[Tuple[int, int]],
        packs: List[Pack],
    ) -> List[Blob]:
        """Two lists, so that order across lists is tried as well."""
        pack = Pack(self, b"M")
        half = len(files) // 2
        lists = []
        for part in (range(half), range(half, len(files))):
            lists.append(pack.add(self._list(part, files, leaves, entries), 0))
        pack.close()
        packs.append(pack)
        return lists

    def _list(
        self,
        part: range,
        files: List[File],
        leaves: List[Tuple[Blob, int]],
        entries: List[Tuple[int, int]],
    ) -> bytes:
        leaf_packs = list({id(blob.pack): blob.pack for blob, _ in leaves}.values())
        rows, paths = b"", b""
        for number in part:
            file, (leaf, entry) = files[number], entries[number]
            path = self.edit("path", file.path).encode()
            kind = 3 if file.data is None else file.kind
            row = [kind, file.root, file.mode, leaf, entry, len(path), 0]
            row += [len(file.data or b""), 1_600_000_000_000_000_000 + number, number, 0]
            rows += struct.pack("<BBHIHHIQQQQ", *self.edit("stream", row))
            paths += path
        raw = b"PGSL" + struct.pack(
            "<HHIIII", 1, 0, len(part), len(leaf_packs), len(leaves), len(paths)
        )
        raw += b"".join(pack.columns() for pack in leaf_packs)
        raw += b"".join(blob.columns(leaf_packs, units) for blob, units in leaves)
        return self.edit("list", raw + rows + paths)

    def _write_references(
        self, backup_id: str, packs: List[Pack]
    ) -> Tuple[bytes, List[Tuple[str, int]]]:
        listed = self.edit("references", sorted((p.sha256.hex(), len(p.data)) for p in packs))
        text = f"pgcairn-refs 1 {backup_id}\n"
        text += "".join(f"{sha256} {length}\n" for sha256, length in listed)
        data = (text + f"end {len(listed)}\n").encode()
        self.put(f"{self.folder}/backups/{backup_id}.refs", data)
        return data, listed


def tree(directory: Path) -> Dict[str, Any]:
    """What a restore must bring back: bytes and modes of files, modes of directories, links."""
    found: Dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory", path.stat().st_mode & 0o7777)
        else:
            found[name] = ("file", path.stat().st_mode & 0o7777, path.read_bytes())
    return found
