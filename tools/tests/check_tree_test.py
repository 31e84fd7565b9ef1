"""Plants a fault in a small tree and sees check_tree find it."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_tree  # noqa: E402

HEADER = "// A contract.\n#pragma once\n"


class CheckTreeTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.plant("src/util/file.h", HEADER)
        self.plant("src/util/file.cc", '#include "util/file.h"\n')
        self.assertEqual(check_tree.check(self.root), [])

    def plant(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode("utf-8")
        target.write_bytes(content)

    def assert_found(self, *parts):
        found = check_tree.check(self.root)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_notes_about_unfinished_work_are_found(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" * 3):
            self.plant("src/util/file.cc", f"int x;\n// {word}: later\n")
            self.assert_found("src/util/file.cc: line 2", "unfinished")

    def test_a_template_for_mkdtemp_is_no_note(self):
        self.plant("src/util/file.cc", 'char name[] = "wal.XXXXXX";\n')
        self.assertEqual(check_tree.check(self.root), [])

    def test_skipped_tests_are_found(self):
        planted = {
            "src/util/file_test.cc": ["  GTEST_" + "SKIP();", "TEST(File, DISABLED" + "_Reads) {}"],
            "tests/e2e/test_backup.py": [
                "pytest." + "skip('no server')",
                "@pytest." + "mark." + "xfail",
                "@pytest.mark." + "skipif(True)",
                "@unittest." + "skip('no')",
                "self.skip" + "Test('no')",
            ],
        }
        for path, lines in planted.items():
            for line in lines:
                with self.subTest(line=line):
                    self.plant(path, line + "\n")
                    self.assert_found(f"{path}: line 1", "proves nothing")
            (self.root / path).unlink()

    def test_long_source_is_found(self):
        self.plant("src/util/file.cc", "int x;\n" * (check_tree.SOURCE_LINES_MAX + 1))
        self.assert_found("601 lines")

    def test_length_counts_in_src_only(self):
        self.plant("docs/format.md", "text\n" * 2000)
        self.assertEqual(check_tree.check(self.root), [])

    def test_vague_names_are_found(self):
        for name in ("common.cc", "file_utils.cc", "misc/x.cc", "string_helpers.cc"):
            with self.subTest(name=name):
                self.plant(f"src/util/{name}", "int x;\n")
                found = check_tree.check(self.root)
                (self.root / "src/util" / name).unlink()
                self.assertEqual(len(found), 1, found)

    def test_paths_of_a_machine_are_found(self):
        for path in ("/wo" + "rk/main", "/wo" + "rk", "/root" + "/x", "/home" + "/someone"):
            with self.subTest(path=path):
                self.plant("docs/guide.md", f"run it in {path}\n")
                self.assert_found("docs/guide.md: line 1", "one machine")

    def test_other_paths_pass(self):
        paths = "/var/lib/work /etc/root https://host/home/x $HOME/work ./work/x /home/me"
        self.plant("docs/guide.md", paths)
        self.assertEqual(check_tree.check(self.root), [])

    def test_binaries_are_found(self):
        for content in (b"\x7fELF\x00\x01", b"\xff\xfe\xfa"):
            self.plant("tests/data", content)
            self.assert_found("tests/data: a binary file")

    def test_samples_need_their_origin_and_are_small(self):
        sample = "src/postgres/testdata/pg13.wal"
        self.plant(sample, b"\0" * check_tree.SAMPLE_BYTES_MAX)
        self.assert_found(sample, "no README.md")
        self.plant("src/postgres/testdata/README.md", "Made by a server.\n")
        self.assertEqual(check_tree.check(self.root), [])
        self.plant(sample, b"\0" * (check_tree.SAMPLE_BYTES_MAX + 1))
        self.assert_found(sample, "more than")

    def test_header_without_pragma_once_is_found(self):
        self.plant("src/util/file.h", "// A contract.\nint x;\n")
        self.assert_found("src/util/file.h: #pragma once")

    def test_header_without_contract_is_found(self):
        self.plant("src/util/file.h", "#pragma once\nint x;\n")
        self.assert_found("src/util/file.h: a header begins with a comment")

    def test_build_folder_is_left_out(self):
        self.plant("build/release/pgcairn", b"\x7fELF\x00")
        self.assertEqual(check_tree.check(self.root), [])

    def test_empty_tree_is_no_success(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertTrue(check_tree.check(empty))


if __name__ == "__main__":
    unittest.main()
