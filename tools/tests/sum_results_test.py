"""What did not pass must never be counted as passed."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import sum_results  # noqa: E402

PASS = '<testcase classname="A" name="{}" status="run"/>'
FAIL = '<testcase classname="A" name="{}" status="run"><failure message="no"/></testcase>'
SKIP = '<testcase classname="A" name="{}" status="run"><skipped/></testcase>'


class SumResultsTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.steps = []

    def step(self, name, status, **results):
        """results: pytest, ctest (lists of cases) and gtest_PROGRAM."""
        self.steps.append(f"{name} {status}")
        for kind, cases in results.items():
            path = self.root / name / (kind.replace("gtest_", "gtest/") + ".xml")
            path.parent.mkdir(parents=True, exist_ok=True)
            body = "".join(case.format(number) for number, case in enumerate(cases))
            path.write_text(f"<testsuite>{body}</testsuite>", encoding="utf-8")

    def ctest(self, name, status, *cases):
        self.step(name, status, ctest=[])
        body = "".join(case.format(program) for program, case in cases)
        (self.root / name / "ctest.xml").write_text(f"<testsuite>{body}</testsuite>", "utf-8")

    def assert_sum(self, passed, failed, selected=False):
        (self.root / "steps").write_text("".join(f"{step}\n" for step in self.steps), "utf-8")
        lines, *counts = sum_results.summary(self.root, selected)
        self.assertEqual(counts, [passed, failed], lines)

    def test_a_step_without_results_is_one_test(self):
        self.step("format", 0)
        self.step("shellcheck", 1)
        self.assert_sum(1, 1)

    def test_pytest_cases_are_counted(self):
        self.step("e2e", 1, pytest=[PASS, FAIL, PASS])
        self.assert_sum(2, 1)

    def test_a_skipped_test_has_failed(self):
        self.step("e2e", 0, pytest=[PASS, SKIP])
        self.assert_sum(1, 1)

    def test_a_status_without_a_failed_case_counts(self):
        self.step("e2e", 3, pytest=[PASS])
        self.assert_sum(1, 1)

    def test_each_case_of_a_unit_program_is_counted(self):
        self.ctest("unit", 8, ("util_test", PASS), ("crypto_test", FAIL))
        self.step("unit", 8, gtest_util_test=[PASS, PASS], gtest_crypto_test=[PASS, FAIL])
        self.steps.pop()
        self.assert_sum(3, 1)

    def test_a_crash_after_passed_cases_counts(self):
        self.ctest("unit", 8, ("util_test", FAIL))
        self.step("unit", 8, gtest_util_test=[PASS])
        self.steps.pop()
        self.assert_sum(1, 1)

    def test_a_program_that_left_no_results_has_failed(self):
        self.ctest("unit", 0, ("util_test", PASS), ("crypto_test", PASS))
        self.step("unit", 0, gtest_util_test=[PASS])
        self.steps.pop()
        self.assert_sum(1, 1)

    def test_a_rule_is_one_test_of_ctest(self):
        self.ctest("house", 8, ("layers", PASS), ("tree", FAIL))
        self.assert_sum(1, 1)

    def test_results_cut_off_have_failed(self):
        self.step("e2e", 0, pytest=[])
        (self.root / "e2e/pytest.xml").write_text("<testsuite><testcase", encoding="utf-8")
        self.assert_sum(0, 1)

    def test_a_step_that_ran_no_test_has_failed_unless_tests_were_selected(self):
        self.step("e2e", 0, pytest=[])
        self.step("unit", 0)
        (self.root / "unit").mkdir()
        self.assert_sum(0, 2)
        self.assert_sum(0, 0, selected=True)

    def test_nothing_run_is_no_success(self):
        (self.root / "steps").write_text("", encoding="utf-8")
        self.assertEqual(sum_results.main([self.root, "--selected"]), 1)


if __name__ == "__main__":
    unittest.main()
