"""The role of a hosted database backs up what it may read, says what it may not, and brings tables
back into a fresh project."""

import pytest

from restore_proof import repository_is_valid
from scratch import Scratch
from supabase_project import PASSWORD, fill_supabase_project, make_supabase_project

HIDDEN = ['table "net"."http_request_queue"', 'table "vault"."secrets"', "sequence cron.jobid_seq",
          "sequence net.http_request_queue_id_seq", "sequence supabase_functions.hooks_id_seq"]
LISTINGS = "SELECT count(*), md5(string_agg(l::text, '' ORDER BY id)) FROM public.listings l"

pytestmark = pytest.mark.slow


# 17 is the platform's default, 15 what older projects have.
@pytest.fixture(name="major", scope="module", params=(15, 17))
def _major(request):
    return request.param


@pytest.fixture(name="scratch", scope="module")
def _scratch(major):
    assert major
    with Scratch() as scratch:
        scratch.environment["PGPASSWORD"] = PASSWORD
        yield scratch


@pytest.fixture(name="project", scope="module")
def _project(scratch, major):
    project = make_supabase_project(scratch, "project", major)
    fill_supabase_project(project)
    scratch.write_config(project.server, cluster={
        "method": "logical", "connection": project.server.conninfo("postgres", "postgres"),
        "bin_dir": str(scratch.client_programs(major))})
    scratch.pgcairn("init")
    return project


@pytest.fixture(name="report", scope="module")
def _report(scratch, project):
    assert project is not None
    return scratch.pgcairn_json("backup")


def one(project, question):
    with project.connect() as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()


def test_what_the_role_may_not_read_is_named_and_nothing_else_is_left_out(scratch, report):
    assert len(report["left_out"]) == len(HIDDEN)
    for hidden in HIDDEN:
        named = [line for line in report["left_out"] if hidden in line]
        assert len(named) == 1 and "the role postgres may not read" in named[0], hidden
    checked = scratch.pgcairn_json("check")
    rights = [found for found in checked["findings"] if found["subject"] == "rights"]
    assert [found["severity"] for found in rights] == ["warning"]
    assert '"vault"."secrets"' in rights[0]["message"]
    repository_is_valid(scratch)


def test_more_sessions_are_taken_than_there_is_room_for_never(project, report):
    limit = int(one(project, "SHOW max_connections")[0])
    assert 1 <= report["workers"] <= limit / 4


@pytest.mark.usefixtures("report")
def test_a_table_comes_back_over_what_became_of_it(scratch, project):
    before = one(project, LISTINGS)
    with project.connect() as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE public.listings DISABLE TRIGGER USER;"
                       "UPDATE public.listings SET title = 'lost';"
                       "ALTER TABLE public.listings ENABLE TRIGGER USER")
    assert one(project, LISTINGS) != before
    scratch.pgcairn("restore", "--type=table", "--table=public.listings", "--replace")
    assert one(project, LISTINGS) == before


@pytest.mark.usefixtures("report")
def test_a_database_in_use_is_never_restored_over(scratch):
    refused = scratch.pgcairn("restore", "--type=full", check=False)
    assert refused.returncode == 12 and "is in use" in refused.stderr
