"""Writes small repositories from docs/format.md, for the tests of what reads them.

The messages come from the .proto files by way of protoc, so that the tests also hold the reader's
tables against those. Every number that a test may want to be wrong can be changed on the way: see
`MiniRepository.edit`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import zstandard
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf import descriptor_pb2, message_factory
from mini_chunks import ChunkMap, ChunkStream, ChunkWriter
from mini_maps import File, Leaf, Map, MapWriter, data_packs, metadata_packs
from mini_packs import Blob, Pack, unique

SOURCE = Path(__file__).resolve().parents[2]


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
    leaf_chunks: int = 16
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
        self.private_half, self.chunk_key = self.random_bytes(32), self.random_bytes(32)
        self.generation, self.epoch_keys = 1, [self.old_data_key, self.data_key]
        self.wal_identities: Dict[str, bytes] = {}
        self.maps: Dict[str, Map] = {}
        self.chunk_maps: Dict[str, ChunkMap] = {}
        self._packs: Set[str] = set()
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
            kind=kind, cluster_id=self.cluster_id, generation=self.generation,
            root_id=self.root_id, label=kind.encode(),
        )
        if kind == "UNENCRYPTED":
            message.access_key_id, message.plain_root = bytes(8), self.root
        else:
            self._seal_root(message, kind)
        message = self.edit("access key", message)
        data = self.plain(b"K", message.SerializeToString())
        name = f"{self.folder}/keys/{message.generation:08x}-{message.access_key_id.hex()}"
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
        for number in (1, 2):
            self._put_epoch(number, self.epoch_keys[:number])

    def _put_epoch(self, number: int, keys: List[bytes]) -> None:
        message = PB["Epoch"](
            number=number,
            cluster_id=self.cluster_id,
            fingerprint_secret=self.fingerprint_secret,
            wal_identity_key=self.wal_identity_key,
            chunk_key=self.chunk_key,
        )
        for epoch, key in enumerate(keys, start=1):
            message.data_keys.add(key_id=self.key_id(key), key=key, epoch=epoch)
        message = self.edit("epoch", message)
        data = self.sealed(b"E", message.SerializeToString(), self.root)[0]
        self.put(f"{self.folder}/epochs/{number:08x}", data)
        self.put(f"{self.folder}/epochs/{number:08x}.copy", data)

    def start_generation(self, commit: bool = True, private_half: Optional[bytes] = None) -> None:
        """A new root for a key file, of another owner when a private half is given. Without commit
        the run ends before its epoch; nothing of older roots is deleted."""
        before = (self.root, self.root_id, self.private_half)
        self.root = self.random_bytes(32)
        self.root_id = mac(self.root, b"pgcairn root id v1")[:8]
        self.private_half = private_half or self.private_half
        self.generation += 1
        self._write_access_key("KEY_FILE", 0)
        if not commit:
            self.root, self.root_id, self.private_half = before
            return
        self.data_key = self.random_bytes(32)
        self.data_key_id = self.key_id(self.data_key)
        self.epoch_keys.append(self.data_key)
        self._put_epoch(len(self.epoch_keys), self.epoch_keys)

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

    # Sections 10 to 12.

    def add_backup(
        self, backup_id: str, files: List[File], base: Optional[str] = None, **fields: Any
    ) -> None:
        """base: the id of a backup that was added before; what is the same there is referred to."""
        writer = MapWriter(self, self.maps[base] if base else None)
        stored = writer.write(files)
        self.maps[backup_id] = stored
        settings = self.settings
        manifest = PB["Manifest"](
            backup_id=backup_id,
            cluster_name=settings.cluster,
            type="INCREMENTAL" if base else "FULL",
            base_backup_id=base,
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
        )
        for oid, name, location in settings.tablespaces:
            manifest.tablespaces.add(oid=oid, name=name.encode(), location=location.encode())
            manifest.tablespace_map += f"{oid} {location}\n".encode()
        for name, identity in self.wal_identities.items():
            if len(name) == 24:
                manifest.wal.add(name=name, content_identity=identity)
        pack, lists = self._write_lists(writer, files, stored)
        self._put_manifest(manifest, pack, lists, list(stored.leaves.values()), fields)

    # Section 17.

    def add_logical_backup(
        self, backup_id: str, streams: List[ChunkStream], base: Optional[str] = None, **fields: Any
    ) -> None:
        """base: as in add_backup, but of one that was added here."""
        writer = ChunkWriter(self, self.chunk_maps[base].places if base else {})
        stored = writer.write(streams)
        self.chunk_maps[backup_id] = stored
        manifest = PB["Manifest"](
            backup_id=backup_id,
            cluster_name=self.settings.cluster,
            type="INCREMENTAL" if base else "FULL",
            base_backup_id=base,
            method="LOGICAL",
            started_at_us=1_700_000_000_000_000,
            finished_at_us=1_700_000_060_000_000,
            stop_time_us=1_700_000_001_000_000,
            system_identifier=self.settings.system_identifier,
            server_version_num=150020,
            stream_count=len(streams),
            stream_bytes=sum(len(stream.data) for stream in streams),
        )
        pack, lists = self._write_lists(writer, streams, stored)
        leaves: List[Leaf] = [leaf for leaves in stored.leaves for leaf in leaves]
        self._put_manifest(manifest, pack, lists, leaves, fields)

    def _put_manifest(
        self,
        manifest: Any,
        pack: Pack,
        lists: List[Blob],
        leaves: List[Leaf],
        fields: Dict[str, Any],
    ) -> None:
        """pack: that of the lists."""
        packs = unique([*data_packs(leaves), *metadata_packs(leaves), pack])
        references, listed = self._write_references(manifest.backup_id, packs)
        manifest.references_sha256 = hashlib.sha256(references).digest()
        manifest.references_length = len(references)
        manifest.pack_count = len(listed)
        manifest.pack_bytes = sum(length for _, length in listed)
        manifest.new_pack_bytes = sum(n for name, n in listed if name not in self._packs)
        for blob in lists:
            manifest.stream_lists.add(
                pack=self._pack_message(blob.pack),
                offset=blob.offset,
                stored_length=blob.stored,
                raw_length=blob.raw,
                ordinal=blob.ordinal,
                codec=blob.codec,
            )
        for name, value in fields.items():
            if isinstance(value, list):
                getattr(manifest, name).extend(value)
            else:
                setattr(manifest, name, value)
        message = self.edit("manifest", manifest).SerializeToString()
        data = self.sealed(b"B", message, self.data_key)[0]
        self.put(f"{self.folder}/backups/{manifest.backup_id}", data)
        self._packs.update(name for name, _ in listed)

    def _pack_message(self, pack: Pack) -> Any:
        return PB["PackReference"](
            sha256=pack.sha256, length=len(pack.data), key_id=self.data_key_id, salt=pack.salt
        )

    def _write_lists(self, writer: Any, streams: List[Any], stored: Any) -> Tuple[Pack, List[Blob]]:
        """Two lists, so that order across lists is tried as well."""
        pack = Pack(self, b"M")
        half = len(streams) // 2
        parts = (range(half), range(half, len(streams)))
        lists = [pack.add(writer.list(part, streams, stored), 0) for part in parts]
        pack.close()
        return pack, lists

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
