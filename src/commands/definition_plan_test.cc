#include "commands/definition_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pgcairn::commands {
namespace {

using Ids = std::vector<uint32_t>;
using sources::Whose;

// As pg_restore lists it.
const std::vector<sources::ArchiveEntry> kPlannedArchive = {
    {1, 0, 0, "ENCODING - ENCODING ", {}},
    {2, 2615, 100, "SCHEMA - auth admin", {}},
    {3, 0, 0, "ACL - SCHEMA auth admin", {2}},
    {4, 2615, 101, "SCHEMA - my own me", {}},
    {5, 3079, 102, "EXTENSION - citext ", {}},
    {6, 0, 0, "COMMENT - EXTENSION citext ", {5}},
    {7, 1255, 103, "FUNCTION auth uid() auth admin", {2}},
    {8, 1259, 104, "TABLE auth users auth admin", {2}},
    {9, 0, 0, "ACL auth TABLE users auth admin", {8}},
    {10, 1259, 105, "TABLE my own t me", {4, 5}},
    {11, 0, 0, "ACL my own TABLE t me", {10}},
    {12, 1259, 106, "VIEW auth hidden auth admin", {2}},
    {13, 1259, 107, "TABLE auth newer auth admin", {2}},
    {14, 1259, 108, "TABLE public odd admin", {}},
    {15, 0, 0, "COMMENT public TABLE odd admin", {14}},
    {20, 2606, 109, "CONSTRAINT auth users users_pkey auth admin", {8}},
    {21, 2606, 110, "CONSTRAINT auth newer newer_pkey auth admin", {13}},
    {22, 1259, 111, "INDEX auth mine auth admin", {8}},
    {23, 2620, 112, "TRIGGER auth users on_user auth admin", {8, 10}},
    {24, 3256, 113, "POLICY auth users p auth admin", {8}},
    {25, 2606, 114, "FK CONSTRAINT my own t t_fk me", {10, 8}},
    {26, 3466, 115, "EVENT TRIGGER - watch admin", {}},
    {27, 6104, 116, "PUBLICATION - realtime me", {}},
    {28, 6106, 117, "PUBLICATION TABLE my own realtime t me", {27, 10}},
    {29, 826, 118, "DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES me", {}},
    {30, 826, 119, "DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES admin", {}},
    {31, 0, 104, "ROW SECURITY auth users auth admin", {8}}};

class DefinitionPlanTest : public ::testing::Test {
 protected:
  DefinitionPlanTest() {
    for (const char* role : {"me", "admin", "auth admin"}) catalog_.add_roles(role);
    format::LogicalObject& hidden = *catalog_.add_needing_hidden();
    hidden.set_catalog(1259);
    hidden.set_oid(106);
    for (uint32_t id = 20; id <= 31; ++id) facts_.after_rows.insert(id);
    facts_.may_make_policies = [this](std::string_view, std::string_view) { return policies_; };
  }

  // A project where the platform's things are.
  void BeHosted() {
    target_.role = "me";
    target_.roles = {"me"};
    target_.schemas = {"public"};
    target_.there = {{"SCHEMA - auth", Whose::kOthers},
                     {"SCHEMA - public", Whose::kOthers},
                     {"FUNCTION auth uid()", Whose::kOthers},
                     {"TABLE auth users", Whose::kOthers},
                     {"CONSTRAINT auth users users_pkey", Whose::kOthers},
                     {"EVENT TRIGGER - watch", Whose::kOthers},
                     {"PUBLICATION - realtime", Whose::kRole}};
    target_.tables["auth users"] = {"auth admin", false, true, true};
  }
  void BeSuperuser() {
    target_.role = "root";
    target_.superuser = true;
    target_.superusers = {"root", "admin"};
    target_.there = {{"SCHEMA - public", Whose::kOthers}};
  }

  DefinitionPlan Plan() const { return PlanDefinitions(facts_); }
  static Ids Of(const DefinitionPlan& plan) {
    Ids ids;
    for (const auto& definition : plan.before_rows) ids.push_back(definition.id);
    return ids;
  }
  static Ids Attempted(const DefinitionPlan& plan) {
    Ids ids;
    for (const auto& attempt : plan.attempts)
      ids.insert(ids.end(), attempt.ids.begin(), attempt.ids.end());
    return ids;
  }
  static size_t Named(const DefinitionPlan& plan, const std::string& words) {
    return static_cast<size_t>(std::ranges::count_if(plan.skipped, [&](const std::string& line) {
      return line.find(words) != std::string::npos;
    }));
  }

  format::LogicalCatalog catalog_;
  sources::TargetDefinitions target_;
  DefinitionFacts facts_{kPlannedArchive, {}, catalog_, target_, {}, false, {}};
  bool policies_ = true;
};

TEST_F(DefinitionPlanTest, ASuperuserMakesAllButWhatNeedsHiddenTables) {
  BeSuperuser();
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Of(plan), (Ids{2, 4, 5, 6, 7, 8, 10, 13, 14, 15}));
  EXPECT_EQ(plan.before_rows[2].extension, "citext");
  EXPECT_EQ(plan.privileges, (Ids{3, 9, 11}));
  EXPECT_EQ(plan.after_rows, (Ids{20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}));
  EXPECT_TRUE(plan.attempts.empty());
  EXPECT_EQ(plan.skipped, std::vector<std::string>{
                              "VIEW auth hidden: it needs a table that the backup does not have"});
}

TEST_F(DefinitionPlanTest, RowsAreClosedBeforeTheyAreThereWhereTheLoadingRoleIsNot) {
  BeSuperuser();
  target_.bypasses_row_security = true;
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Of(plan), (Ids{2, 4, 5, 6, 7, 8, 10, 13, 14, 15, 31}));
  EXPECT_EQ(plan.after_rows, (Ids{20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}));
}

TEST_F(DefinitionPlanTest, EventTriggersBelongToSuperusers) {
  BeSuperuser();
  target_.superusers = {"root"};
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Attempted(plan), Ids{26});
  EXPECT_EQ(Named(plan, "the owner admin of EVENT TRIGGER - watch"), 1u);
}

TEST_F(DefinitionPlanTest, AMemberOfAServicesRoleDoesNotMakeWhatThePlatformLacks) {
  BeHosted();
  target_.roles = {"me", "auth admin"};
  target_.schemas = {"public", "auth"};
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(plan.absent_tables, std::set<uint32_t>{107});
}

TEST_F(DefinitionPlanTest, WhatNeedsAMissingExtensionIsNamedAndItsRowsHaveNoPlace) {
  BeSuperuser();
  facts_.unavailable["citext"] = "the target does not offer it";
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Of(plan), (Ids{2, 4, 7, 8, 13, 14, 15}));
  EXPECT_EQ(plan.absent_tables, std::set<uint32_t>{105});
  EXPECT_EQ(Named(plan, "EXTENSION - citext: the target does not offer it"), 1u);
  EXPECT_EQ(Named(plan, "TABLE my own t: it needs EXTENSION - citext"), 1u);
  EXPECT_EQ(Named(plan, "TRIGGER auth users on_user: it needs TABLE my own t"), 1u);
  EXPECT_EQ(Named(plan, "t_fk"), 0u) << "goes without saying";
}

TEST_F(DefinitionPlanTest, InAProjectThePlatformsStaysAndTheUsersIsMade) {
  BeHosted();
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Of(plan), (Ids{4, 5, 6, 10, 14, 15}));
  EXPECT_FALSE(plan.before_rows[4].with_owner);
  EXPECT_EQ(Named(plan, "the owner admin of TABLE public odd"), 1u);
  EXPECT_EQ(plan.privileges, Ids{11});
  EXPECT_EQ(plan.privileges_of_others, (Ids{3, 9}));
  EXPECT_EQ(plan.after_rows, Ids{25});
  EXPECT_EQ(Attempted(plan), (Ids{23, 24, 28}));
  EXPECT_EQ(plan.default_privileges, Ids{29});
  EXPECT_EQ(plan.absent_tables, std::set<uint32_t>{107});
  EXPECT_EQ(Named(plan, "TABLE auth newer: it belongs to auth admin"), 1u);
  EXPECT_EQ(Named(plan, "INDEX auth mine: auth.users belongs to auth admin"), 1u);
  EXPECT_EQ(Named(plan, "for what admin makes"), 1u);
  EXPECT_EQ(Named(plan, "schema auth: 4 definitions are there already"), 1u);
}

TEST_F(DefinitionPlanTest, WhatTheRoleMayNotIsNamedBeforehand) {
  BeHosted();
  policies_ = false;
  target_.tables["auth users"] = {"auth admin", false, false, false};
  target_.there.erase("EVENT TRIGGER - watch");
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(Attempted(plan), Ids{28});
  EXPECT_EQ(Named(plan, "POLICY auth users p: auth.users belongs to auth admin"), 1u);
  EXPECT_EQ(Named(plan, "TRIGGER auth users on_user: the role me may not make triggers"), 1u);
  EXPECT_EQ(Named(plan, "FK CONSTRAINT my own t t_fk: the role me may not refer to auth.users"),
            1u);
  EXPECT_EQ(Named(plan, "EVENT TRIGGER - watch: the role me may not make event triggers"), 1u);
}

TEST_F(DefinitionPlanTest, AnInterruptedRestoreIsGoneOnWith) {
  BeHosted();
  facts_.made = true;
  target_.there["SCHEMA - my own"] = Whose::kRole;
  target_.there["TABLE my own t"] = Whose::kRole;
  target_.there["EXTENSION - citext"] = Whose::kRole;
  const DefinitionPlan plan = Plan();
  EXPECT_EQ(plan.after_rows, Ids{25});
  target_.there["FK CONSTRAINT my own t t_fk"] = Whose::kRole;
  EXPECT_TRUE(Plan().after_rows.empty());
  EXPECT_EQ(Plan().absent_tables, std::set<uint32_t>{107});
}

// What is made under it waits for no attempt: foreign keys of other tables need its own keys.
TEST_F(DefinitionPlanTest, WhatAnInterruptedRestoreMadeForAnotherRoleOfTheUserIsGoneOnWith) {
  BeHosted();
  facts_.made = true;
  target_.roles = {"me", "auth admin"};
  target_.schemas = {"public", "auth"};
  target_.there["SCHEMA - auth"] = Whose::kUser;
  target_.there["TABLE auth users"] = Whose::kUser;
  target_.there["TABLE auth newer"] = Whose::kUser;
  target_.there.erase("CONSTRAINT auth users users_pkey");
  const DefinitionPlan plan = Plan();
  EXPECT_TRUE(plan.absent_tables.empty());
  EXPECT_EQ(plan.after_rows, (Ids{20, 21, 22, 23, 24, 25, 31}));
  EXPECT_EQ(Attempted(plan), Ids{28});
}

}  // namespace
}  // namespace pgcairn::commands
