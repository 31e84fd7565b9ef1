"""Plants a fault in a copy of src/ and sees check_layers find it."""

import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_layers  # noqa: E402


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        shutil.copytree(ROOT / "src", self.root / "src")
        self.before = check_layers.check(self.root)

    def plant(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a", encoding="utf-8") as file:
            file.write("\n" + text + "\n")

    def found(self):
        return [problem for problem in check_layers.check(self.root) if problem not in self.before]

    def assert_found(self, *parts):
        found = self.found()
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_upward_include_is_found(self):
        self.plant("src/util/planted.cc", '#include "storage/storage.h"')
        self.assert_found("src/util/planted.cc:2", "util may not include storage")

    def test_sideways_include_is_found(self):
        self.plant("src/postgres/planted.h", '#  include "repository/pack/pack.h"')
        self.assert_found("postgres may not include repository")

    def test_include_in_angle_brackets_is_found(self):
        self.plant("src/util/planted.cc", "#include <storage/storage.h>")
        self.assert_found("include it with quotes")

    def test_relative_include_is_found(self):
        self.plant("src/storage/local/planted.cc", '#include "../storage.h"')
        self.assert_found("relative include")

    def test_include_without_layer_is_found(self):
        self.plant("src/storage/planted.cc", '#include "storage.h"')
        self.assert_found("begins with no layer")

    def test_generated_code_belongs_to_repository(self):
        self.plant("src/repository/planted.cc", '#include "format/manifest.pb.h"')
        self.plant("src/commands/planted.cc", '#include "format/manifest.pb.h"')
        self.plant("src/storage/planted.cc", '#include "format/manifest.pb.h"')
        self.assert_found("src/storage/planted.cc", "storage may not include repository")

    def test_an_edge_for_tests_is_for_tests_only(self):
        self.plant("src/storage/planted_test.cc", '#include "crypto/random.h"')
        self.plant("src/storage/testing/planted.h", '#include "crypto/random.h"')
        self.plant("src/storage/planted.cc", '#include "crypto/random.h"')
        self.assert_found("src/storage/planted.cc", "storage may not include crypto")

    def test_allowed_include_passes(self):
        self.plant("src/sources/planted.cc", '#include "postgres/lsn.h"\n#include <vector>')
        self.assertEqual(self.found(), [])

    def test_unknown_layer_is_found(self):
        self.plant("src/extras/planted.cc", "int planted;")
        self.assert_found("extras is not a layer")

    def test_cmake_edge_outside_the_table_is_found(self):
        path = self.root / "src/config/CMakeLists.txt"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("DEPENDS util", "DEPENDS util storage"), encoding="utf-8")
        self.assert_found("src/config/CMakeLists.txt", "DEPENDS is ['storage', 'util']")

    def test_cmake_edge_hidden_among_libraries_is_found(self):
        path = self.root / "src/config/CMakeLists.txt"
        path.write_text("pgcairn_layer(config DEPENDS util LIBRARIES pgcairn_storage)\n", "utf-8")
        self.assert_found("links storage past the table")

    def test_layer_without_cmake_is_found(self):
        (self.root / "src/config/CMakeLists.txt").unlink()
        self.assert_found("src/config/CMakeLists.txt: missing")

    def test_empty_tree_is_no_success(self):
        shutil.rmtree(self.root / "src")
        (self.root / "src").mkdir()
        self.assertTrue(check_layers.check(self.root))


if __name__ == "__main__":
    unittest.main()
