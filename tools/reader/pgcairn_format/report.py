"""What list, show and wal list print."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

from .manifest import lsn_text, time_text
from .messages import BackupMethod, Manifest
from .wal import TimelineSegments, missing_between

LIST_COLUMNS = (
    *("id", "type", "method", "started_at", "stop_time", "start_lsn", "stop_lsn", "timeline"),
    *("size_bytes", "stored_bytes"),
)


def backup_facts(manifest: Manifest) -> Dict[str, Any]:
    physical = manifest.method is BackupMethod.PHYSICAL
    return {
        "id": manifest.backup_id,
        "type": manifest.type.name.lower(),
        "method": manifest.method.name.lower(),
        "started_at": time_text(manifest.started_at_us),
        "finished_at": time_text(manifest.finished_at_us),
        "stop_time": time_text(manifest.stop_time_us),
        "start_lsn": lsn_text(manifest.start_lsn) if physical else None,
        "stop_lsn": lsn_text(manifest.stop_lsn) if physical else None,
        "timeline": manifest.timeline if physical else None,
        "files_and_directories": manifest.stream_count if physical else None,
        "size_bytes": manifest.stream_bytes,
        "stored_bytes": manifest.pack_bytes,
        "new_stored_bytes": manifest.new_pack_bytes,
        "bad_pages": manifest.bad_page_count,
    }


def backup_details(manifest: Manifest) -> Dict[str, Any]:
    return {
        **backup_facts(manifest),
        "cluster": manifest.cluster_name,
        "host": manifest.host,
        "note": manifest.note,
        "program_version": manifest.program_version,
        "system_identifier": f"{manifest.system_identifier:016x}",
        "server_version_num": manifest.server_version_num,
        "wal_segment_size": manifest.wal_segment_size,
        "data_checksums": manifest.data_checksums,
        "data_directory": manifest.data_directory,
        "config_file": manifest.config_file,
        "hba_file": manifest.hba_file,
        "ident_file": manifest.ident_file,
        "tablespaces": [
            {"oid": t.oid, "name": t.name, "location": t.location} for t in manifest.tablespaces
        ],
        "databases": [database.name for database in manifest.databases],
        "settings": {setting.name: setting.value for setting in manifest.settings},
        "wal": [proof.name for proof in manifest.wal],
        "packs": manifest.pack_count,
        "base": manifest.base_backup_id,
        "resumed_from": manifest.resumed_from,
        "listed_at": time_text(manifest.listed_at_us),
        "compared_at": time_text(manifest.compared_at_us),
        "compare_reason": manifest.compare_reason,
        "files_unchanged": manifest.files_unchanged,
        "files_compared": manifest.files_compared,
        "pages_read": manifest.pages_read,
        "pages_changed": manifest.pages_changed,
        "pages_stored": manifest.pages_stored,
        "pages_compacted": manifest.pages_compacted,
        "new_data_bytes": manifest.new_data_bytes,
        "compacted_bytes": manifest.compacted_bytes,
        "new_metadata_bytes": manifest.new_metadata_bytes,
        "unseen_changes": [os.fsdecode(path) for path in manifest.unseen_changes],
        "unseen_change_count": manifest.unseen_change_count,
        "bad_page_list": [f"{page.path} block {page.block}" for page in manifest.bad_pages],
        "notes": list(manifest.notes),
    }


def list_text(manifests: List[Manifest]) -> str:
    rows = [list(LIST_COLUMNS)]
    for manifest in manifests:
        facts = backup_facts(manifest)
        rows.append(["-" if facts[c] is None else str(facts[c]) for c in LIST_COLUMNS])
    widths = [max(len(row[index]) for row in rows) for index in range(len(LIST_COLUMNS))]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(row, widths)).rstrip() for row in rows
    )


def details_text(manifest: Manifest) -> str:
    lines = []
    for name, value in backup_details(manifest).items():
        if isinstance(value, (list, dict)):
            lines.append(f"{name}: {json.dumps(value)}")
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def wal_facts(timelines: Dict[int, TimelineSegments], segment_size: int) -> List[Dict[str, Any]]:
    facts = []
    for timeline, found in sorted(timelines.items()):
        gaps = [
            {
                "after": before[1],
                "before": after[0],
                "segments": missing_between(before[1], after[0], segment_size),
            }
            for before, after in zip(found.runs, found.runs[1:])
        ]
        runs = [{"first": f, "last": last, "segments": count} for f, last, count in found.runs]
        facts.append({"timeline": timeline, "runs": runs, "gaps": gaps, "others": found.others})
    return facts


def wal_text(facts: List[Dict[str, Any]]) -> str:
    lines = []
    for timeline in facts:
        lines.append(f"timeline {timeline['timeline']}")
        for index, run in enumerate(timeline["runs"]):
            if index > 0:
                gap = timeline["gaps"][index - 1]
                lines.append(f"  GAP: {gap['segments']} segments are missing")
            lines.append(f"  {run['first']} .. {run['last']}  {run['segments']} segments")
        lines += [f"  {name}" for name in timeline["others"]]
    return "\n".join(lines)
