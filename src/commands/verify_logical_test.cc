// Verification of backups of single databases, beside physical ones.
#include "commands/verify_logical.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commands/testing/small_logical.h"
#include "commands/testing/small_repository.h"
#include "commands/verify.h"

namespace pgcairn::commands {
namespace {

using testing::CommitLogical;
using testing::DatabaseStreams;
using testing::LogicalOptions;
using testing::SmallDatabase;
using testing::SmallLogicalBackup;
using testing::SmallRepository;

constexpr char kLogical[] = "20240103_020000-0003";
constexpr char kNext[] = "20240104_020000-0004";

class VerifyLogicalTest : public ::testing::Test {
 protected:
  SmallLogicalBackup Commit(LogicalOptions options = {}, const std::string& id = kLogical,
                            const std::string& version = "first") {
    options.system_identifier = repository_.system();
    return CommitLogical(repository_.cluster(), id, SmallDatabase(version), options);
  }

  VerifyReport Verify(VerifyOptions options = {}) {
    Result<VerifyReport> report = VerifyStored(repository_.storage(), "main", {}, options);
    CHECK(report.ok());
    return std::move(report).value();
  }
  static VerifyOptions Only(VerifyOptions::Scope scope, const std::string& id) {
    VerifyOptions options;
    options.scope = scope;
    options.backup = id;
    return options;
  }

  SmallLogicalBackup CommitDefinitions(const std::string& id) {
    LogicalOptions options;
    options.edit_manifest = [](format::Manifest& manifest) {
      manifest.set_type(format::Manifest::SCHEMA);
    };
    return Commit(options, id);
  }
  // The one that was verified.
  std::string Latest(VerifyOptions options) {
    options.backup = "latest";
    const VerifyReport report = Verify(options);
    CHECK(report.backups.size() == 1);
    return report.backups[0].backup_id;
  }

  const repository::ClusterNames& names() const { return repository_.cluster().names; }
  std::string NameOf(const repository::StoredPack& pack) const { return names().Pack(pack.sha256); }
  void Damage(const std::string& object) {
    Bytes bytes = repository::Content(*repository_.storage(), object);
    bytes[bytes.size() / 2] ^= 1;
    repository::Replace(*repository_.storage(), object, bytes);
  }

  // Object and problem of each finding; that it hurts kLogical and nobody else.
  std::map<std::string, std::string> ProblemsOf(const VerifyReport& report) {
    std::map<std::string, std::string> problems;
    for (const DamagedObject& damaged : report.damaged) {
      problems[damaged.object] = damaged.problem;
      EXPECT_EQ(damaged.backups, std::vector<std::string>{kLogical});
      EXPECT_TRUE(damaged.lost.empty()) << "no moment of the log begins with it";
    }
    for (const VerifiedBackup& backup : report.backups) {
      EXPECT_EQ(backup.good, backup.backup_id != kLogical || problems.empty());
    }
    return problems;
  }

  // A backup that its writer made with that fault: one finding, at `object`.
  void ExpectFound(const LogicalOptions& options,
                   const std::function<std::string(const SmallLogicalBackup&)>& object,
                   const std::string& problem) {
    const SmallLogicalBackup backup = Commit(options);
    std::map<std::string, std::string> problems = ProblemsOf(Verify());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems.begin()->first, object(backup));
    EXPECT_NE(problems.begin()->second.find(problem), std::string::npos)
        << problems.begin()->second;
  }
  void ExpectBadContent(const LogicalOptions& options, const std::string& problem) {
    ExpectFound(
        options, [this](const SmallLogicalBackup&) { return names().Manifest(kLogical); }, problem);
  }

  SmallRepository repository_;
};

TEST_F(VerifyLogicalTest, AWholeOneIsGoodAndChangesNoWindow) {
  const VerifyReport before = Verify();
  const SmallLogicalBackup backup = Commit();
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  EXPECT_TRUE(report.warnings.empty()) << report.warnings.front();
  ASSERT_EQ(report.backups.size(), 3u);
  EXPECT_EQ(report.backups[2].files, 8u);
  EXPECT_EQ(report.packs, before.packs + 3);
  EXPECT_EQ(report.orphan_packs, 0u);
  EXPECT_EQ(report.wal_files, before.wal_files);
  ASSERT_EQ(report.windows.windows.size(), before.windows.windows.size());
  EXPECT_EQ(report.windows.windows[0].backups, before.windows.windows[0].backups);
  EXPECT_TRUE(report.windows.gaps.empty());
}

TEST_F(VerifyLogicalTest, OneAloneIsVerifiedWithoutWal) {
  Commit();
  const std::string segment = repository_.WalObject(1, 3);
  Damage(segment);
  for (VerifyOptions::Scope scope : {VerifyOptions::Scope::kBackup, VerifyOptions::Scope::kNew}) {
    const VerifyReport report = Verify(Only(scope, "latest"));
    EXPECT_TRUE(report.good()) << report.damaged.front().problem;
    EXPECT_EQ(report.backups.size(), 1u);
    EXPECT_EQ(report.packs, 3u);
    EXPECT_EQ(report.wal_files, 0u);
  }
}

TEST_F(VerifyLogicalTest, TheLatestIsTheNewestThatHoldsRows) {
  Commit();
  CommitDefinitions(kNext);
  for (VerifyOptions::Scope scope : {VerifyOptions::Scope::kBackup, VerifyOptions::Scope::kNew}) {
    EXPECT_EQ(Latest(Only(scope, "latest")), kLogical);
    EXPECT_EQ(Verify(Only(scope, kNext)).backups.at(0).backup_id, kNext) << "when it is named";
    EXPECT_TRUE(Verify(Only(scope, "latest")).warnings.empty());
  }
  VerifyOptions without_key = Only(VerifyOptions::Scope::kBackup, "latest");
  without_key.without_key = true;
  EXPECT_EQ(Latest(without_key), kNext) << "nobody can tell what is in it";
}

TEST_F(VerifyLogicalTest, WhereNoBackupHoldsRowsTheNewestIsVerifiedAndThatIsSaid) {
  for (const char* id : {SmallRepository::kFirst, SmallRepository::kSecond}) {
    ASSERT_TRUE(repository_.storage()->Delete(names().Manifest(id)).ok());
    ASSERT_TRUE(repository_.storage()->Delete(names().References(id)).ok());
  }
  CommitDefinitions(kLogical);
  CommitDefinitions(kNext);
  const VerifyReport report = Verify(Only(VerifyOptions::Scope::kBackup, "latest"));
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.backups.at(0).backup_id, kNext);
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_NE(report.warnings[0].find("no backup holds rows"), std::string::npos);
  EXPECT_TRUE(Verify(Only(VerifyOptions::Scope::kBackup, kNext)).warnings.empty());
}

TEST_F(VerifyLogicalTest, AManifestThatCannotBeReadIsNotPassedOver) {
  Commit();
  CommitDefinitions(kNext);
  Damage(names().Manifest(kNext));
  const VerifyReport report = Verify(Only(VerifyOptions::Scope::kBackup, "latest"));
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].object, names().Manifest(kNext));
}

TEST_F(VerifyLogicalTest, EachDamagedPackIsNamed) {
  const SmallLogicalBackup backup = Commit();
  for (const repository::StoredPack& pack : {backup.data, backup.leaves, backup.list}) {
    const Bytes own = repository::Content(*repository_.storage(), NameOf(pack));
    Damage(NameOf(pack));
    for (VerifyOptions::Scope scope :
         {VerifyOptions::Scope::kAll, VerifyOptions::Scope::kBackup, VerifyOptions::Scope::kNew}) {
      const std::map<std::string, std::string> problems = ProblemsOf(Verify(Only(scope, kLogical)));
      ASSERT_EQ(problems.size(), 1u);
      EXPECT_EQ(problems.begin()->first, NameOf(pack));
    }
    repository::Replace(*repository_.storage(), NameOf(pack), own);
  }
  EXPECT_TRUE(Verify().good());
}

TEST_F(VerifyLogicalTest, AChunkWithOtherBytesThanItsIdIsADamagedDataPack) {
  LogicalOptions options;
  options.edit_leaf = [](repository::ChunkLeaf& leaf) {
    if (leaf.chunks.size() > 500) leaf.chunks[300].id.bytes[0] ^= 1;
  };
  ExpectFound(
      options, [this](const SmallLogicalBackup& backup) { return NameOf(backup.data); },
      "a chunk has other bytes");
}

TEST_F(VerifyLogicalTest, ALeafWithAnotherNumberOfChunksIsADamagedPackOfLeaves) {
  LogicalOptions options;
  options.edit_leaf = [](repository::ChunkLeaf& leaf) {
    if (leaf.chunks.size() > 500) leaf.chunks.pop_back();
  };
  ExpectFound(
      options, [this](const SmallLogicalBackup& backup) { return NameOf(backup.leaves); },
      "another number of chunks");
}

TEST_F(VerifyLogicalTest, ASizeThatTheLeavesDoNotHoldIsADamagedList) {
  LogicalOptions options;
  options.edit_list = [](repository::StreamList& list) {
    for (repository::StreamEntry& stream : list.streams) {
      if (stream.path == "schema.sql") ++stream.size;
    }
  };
  ExpectFound(
      options, [this](const SmallLogicalBackup& backup) { return NameOf(backup.list); },
      "bytes of schema.sql");
}

TEST_F(VerifyLogicalTest, APackThatTheListDoesNotStateIsADamagedList) {
  LogicalOptions options;
  options.edit_list = [](repository::StreamList& list) { list.needs.back().uses.clear(); };
  ExpectFound(
      options, [this](const SmallLogicalBackup& backup) { return NameOf(backup.list); },
      "does not state that a leaf needs the pack");
}

TEST_F(VerifyLogicalTest, APackThatTheReferencesDoNotNameIsFound) {
  LogicalOptions options;
  crypto::Sha256Digest left_out;
  options.edit_references = [&](std::vector<repository::StoredPack>& packs) {
    left_out = packs.front().sha256;
    packs.erase(packs.begin());
  };
  Commit(options);
  const std::map<std::string, std::string> problems = ProblemsOf(Verify());
  ASSERT_TRUE(problems.contains(names().References(kLogical)));
  EXPECT_NE(problems.at(names().References(kLogical)).find(left_out.ToHex()), std::string::npos);
}

TEST_F(VerifyLogicalTest, AFileOfADataDirectoryIsFound) {
  LogicalOptions options;
  options.edit_list = [](repository::StreamList& list) {
    repository::StreamEntry file;
    file.path = "base/5/1";
    list.streams.push_back(file);
  };
  ExpectBadContent(options, "holds the file base/5/1");
}

TEST_F(VerifyLogicalTest, ALeafThatStreamsOfBothKindsNameIsADamagedList) {
  LogicalOptions options;
  options.edit_list = [](repository::StreamList& list) {
    repository::StreamEntry file;
    file.path = "base/5/1";
    file.size = 8192;
    file.first_leaf = 0;
    list.streams.push_back(file);
  };
  const SmallLogicalBackup backup = Commit(options);
  const std::map<std::string, std::string> problems = ProblemsOf(Verify());
  ASSERT_TRUE(problems.contains(NameOf(backup.list)));
  EXPECT_NE(problems.at(NameOf(backup.list)).find("for chunks and for pages"), std::string::npos);
}

TEST_F(VerifyLogicalTest, EveryDocumentMustBeThere) {
  int serial = 5;
  for (const char* path : {"catalog", "schema.dump", "schema.sql", "roles.sql"}) {
    LogicalOptions options;
    options.system_identifier = repository_.system();
    options.edit_streams = [&](DatabaseStreams& streams) { streams.erase(path); };
    const std::string id = fmt::format("20240105_020000-000{}", serial++);
    CommitLogical(repository_.cluster(), id, SmallDatabase("first"), options);
    const VerifyReport report = Verify(Only(VerifyOptions::Scope::kBackup, id));
    ASSERT_EQ(report.damaged.size(), 1u) << path;
    EXPECT_EQ(report.damaged[0].object, names().Manifest(id));
    EXPECT_NE(report.damaged[0].problem.find(std::string("holds no ") + path), std::string::npos)
        << report.damaged[0].problem;
  }
}

TEST_F(VerifyLogicalTest, AMissingPartIsFound) {
  LogicalOptions options;
  options.edit_streams = [](DatabaseStreams& streams) { streams.erase("rows/16384/1"); };
  ExpectBadContent(options, "names 2 parts of rows/16384");
}

TEST_F(VerifyLogicalTest, APartThatTakesAnothersNumberIsFound) {
  LogicalOptions options;
  options.edit_streams = [](DatabaseStreams& streams) {
    auto part = streams.extract("rows/16384/1");
    part.key() = "rows/16384/2";
    streams.insert(std::move(part));
  };
  ExpectBadContent(options, "names 2 parts of rows/16384");
}

TEST_F(VerifyLogicalTest, ATableThatTheCatalogNamesAndNobodyHoldsIsFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    format::LogicalTable* table = catalog.add_tables();
    table->set_oid(17000);
    table->set_parts(1);
  };
  ExpectBadContent(options, "names 1 parts of rows/17000");
}

TEST_F(VerifyLogicalTest, ATableThatTheCatalogNamesTwiceIsFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    *catalog.add_tables() = catalog.tables(1);
  };
  ExpectBadContent(options, "names 1 parts of rows/16390");
}

TEST_F(VerifyLogicalTest, ATableWithoutPartsIsFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    catalog.add_tables()->set_oid(17000);
  };
  ExpectBadContent(options, "names no part of rows/17000");
}

TEST_F(VerifyLogicalTest, RowsThatTheCatalogDoesNotNameAreFound) {
  LogicalOptions options;
  options.edit_streams = [](DatabaseStreams& streams) { streams["rows/17000/0"] = "1\n"; };
  ExpectBadContent(options, "holds rows/17000, of which its catalog says nothing");
}

TEST_F(VerifyLogicalTest, LargeObjectsThatTheCatalogDoesNotCountAreFound) {
  LogicalOptions options;
  options.edit_streams = [](DatabaseStreams& streams) { streams["large_objects/1"] = "1\n"; };
  ExpectBadContent(options, "names 1 parts of large_objects");
}

TEST_F(VerifyLogicalTest, LargeObjectsWithPagesOfAnImpossibleSizeAreFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    catalog.set_large_object_page_bytes((1 << 20) + 1);
  };
  ExpectBadContent(options, "an impossible size");
}

TEST_F(VerifyLogicalTest, ATableOfAnotherSizeThanTheCatalogStatesIsFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    catalog.mutable_tables(0)->set_bytes(7);
  };
  ExpectBadContent(options, "the catalog states 7 bytes of rows/16384");
}

TEST_F(VerifyLogicalTest, AStreamThatNoSuchBackupHasIsFound) {
  for (const char* path : {"rows/16384/01", "rows/0/0", "rows/16384", "rows/x/0", "other"}) {
    StreamsAgainstCatalog content;
    repository::StreamEntry stream;
    stream.kind = repository::StreamKind::kChunks;
    stream.path = path;
    content.Add(stream);
    const Status judged = content.Judge({}, std::nullopt);
    ASSERT_FALSE(judged.ok()) << path;
    EXPECT_NE(judged.error().message.find(std::string("holds ") + path + ","), std::string::npos)
        << judged.error().message;
  }
}

TEST_F(VerifyLogicalTest, ADocumentThatIsThereTwiceIsFound) {
  LogicalOptions options;
  options.edit_list = [](repository::StreamList& list) {
    list.streams.push_back(list.streams.front());
  };
  ExpectBadContent(options, "holds catalog twice");
}

TEST_F(VerifyLogicalTest, ACatalogThatIsNoneIsFound) {
  LogicalOptions options;
  options.edit_streams = [](DatabaseStreams& streams) { streams["catalog"] = "\xff\xff\xff"; };
  ExpectBadContent(options, "cannot be parsed");
}

TEST_F(VerifyLogicalTest, TheCatalogOfAnotherDatabaseIsFound) {
  LogicalOptions options;
  options.edit_catalog = [](format::LogicalCatalog& catalog) { catalog.set_database("other"); };
  ExpectBadContent(options, "another database's");
}

TEST_F(VerifyLogicalTest, SharedLeavesAreProvenOnceAndCountInTheSizeOfBoth) {
  SmallLogicalBackup first = Commit();
  LogicalOptions options;
  options.base = &first;
  const SmallLogicalBackup next = Commit(options, kNext, "second");
  ASSERT_NE(next.data.sha256, first.data.sha256);
  ASSERT_TRUE(std::ranges::any_of(next.packs, [&](const repository::StoredPack& pack) {
    return pack.sha256 == first.leaves.sha256;
  })) << "the leaves of the rows that did not change";
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  Damage(NameOf(first.data));
  report = Verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].backups, (std::vector<std::string>{kLogical, kNext}));
}

TEST_F(VerifyLogicalTest, AWrongSizeIsFoundWhereAllLeavesWereProvenBefore) {
  SmallLogicalBackup first = Commit();
  LogicalOptions options;
  options.base = &first;
  options.edit_catalog = [](format::LogicalCatalog& catalog) {
    catalog.mutable_tables(0)->set_bytes(catalog.tables(0).bytes() + 1);
  };
  options.edit_list = [](repository::StreamList& list) {
    for (repository::StreamEntry& stream : list.streams) {
      if (stream.path == "rows/16384/0") ++stream.size;
    }
  };
  const SmallLogicalBackup next = Commit(options, kNext, "second");
  const VerifyReport report = Verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].object, NameOf(next.list));
}

TEST_F(VerifyLogicalTest, OfANewOneOnlyWhatItStoredIsRead) {
  SmallLogicalBackup first = Commit();
  LogicalOptions options;
  options.base = &first;
  const SmallLogicalBackup next = Commit(options, kNext, "second");
  Damage(NameOf(first.leaves));
  VerifyReport report = Verify(Only(VerifyOptions::Scope::kNew, kNext));
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  EXPECT_EQ(report.packs, 3u);
  EXPECT_EQ(report.packs_present, 2u);
  Damage(NameOf(next.data));
  report = Verify(Only(VerifyOptions::Scope::kNew, kNext));
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].object, NameOf(next.data));
}

TEST_F(VerifyLogicalTest, APhysicalOneNeedsWhatItNeededBefore) {
  repository_.CommitSharing(kLogical, [](format::Manifest& manifest) {
    manifest.set_method(format::Manifest::METHOD_UNSPECIFIED);
    manifest.clear_control_file();
  });
  EXPECT_FALSE(Verify().good());
}

}  // namespace
}  // namespace pgcairn::commands
