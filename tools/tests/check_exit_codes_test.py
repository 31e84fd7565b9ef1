"""Plants a fault in a copy of table and page and sees check_exit_codes find it."""

import contextlib
import io
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_exit_codes  # noqa: E402


class CheckExitCodesTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        for path in (check_exit_codes.SOURCE, check_exit_codes.PAGE):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, self.root / path)
        self.run_tool("--write")

    def run_tool(self, *options):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = check_exit_codes.main([*options, str(self.root)])
        return status, said.getvalue()

    def replace(self, path, old, new):
        text = (self.root / path).read_text(encoding="utf-8")
        self.assertIn(old, text)
        (self.root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    def page(self):
        return (self.root / check_exit_codes.PAGE).read_text(encoding="utf-8")

    def test_a_written_page_is_right_and_keeps_what_is_outside_the_table(self):
        before = self.page()
        self.assertEqual(self.run_tool(), (0, ""))
        self.assertEqual(self.run_tool("--write"), (0, ""))
        self.assertEqual(self.page(), before)
        self.assertIn("## `wal fetch`", before)

    def test_a_changed_page_is_found_with_the_command_to_run(self):
        self.replace(check_exit_codes.PAGE, "| 8 | no_space |", "| 8 | no_room |")
        status, said = self.run_tool()
        self.assertEqual(status, 1)
        self.assertIn("tools/check_exit_codes.py --write", said)
        self.assertEqual(self.run_tool("--write")[0], 0)
        self.assertIn("| 8 | no_space |", self.page())

    def test_a_changed_meaning_in_the_source_is_found(self):
        self.replace(check_exit_codes.SOURCE, '"no room is left on a device"', '"no " "room"')
        self.assertEqual(self.run_tool()[0], 1)
        self.run_tool("--write")
        self.assertIn("| 8 | no_space | no room |", self.page())

    def test_an_entry_of_another_form_is_not_left_out_in_silence(self):
        self.replace(check_exit_codes.SOURCE, '"no_space"', "kNoSpaceName")
        status, said = self.run_tool("--write")
        self.assertEqual(status, 1)
        self.assertIn("16 entries", said)

    def test_a_page_without_markers_is_found(self):
        self.replace(check_exit_codes.PAGE, check_exit_codes.END, "")
        self.assertEqual(self.run_tool("--write")[0], 1)


if __name__ == "__main__":
    unittest.main()
