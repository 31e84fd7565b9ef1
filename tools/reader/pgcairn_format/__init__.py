"""Reads a pgcairn repository of format 1 (docs/format.md), and never writes to one."""
