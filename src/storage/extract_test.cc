#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "core/files.h"
#include "storage/archive.h"
#include "storage/raw_tar_for_test.h"

namespace berth::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FromText;
using testing::Gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Padded;
using testing::PaxHeader;
using testing::RawTar;
using testing::TarEnd;

class Extract : public ::testing::Test {
 protected:
  Result<ExtractSummary> FromTar(const std::string& entries, const ExtractLimits& limits = {}) {
    return ExtractTarGz(FromText(Gzip(entries + TarEnd())), tree, limits);
  }

  /// The error of an archive that must be refused and leave nothing, inside the tree or beside it.
  std::string Refusal(const std::string& entries, const ExtractLimits& limits = {}) {
    const auto summary = FromTar(entries, limits);
    EXPECT_FALSE(summary.has_value());
    EXPECT_FALSE(fs::exists(tree));
    EXPECT_EQ(Names(outside.path()), std::vector<std::string>{"victim"});
    EXPECT_EQ(ReadFile(outside.path() / "victim").value(), "untouched");
    return summary ? "" : summary.error().message();
  }

  static std::vector<std::string> Names(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      names.push_back(entry.path().lexically_relative(folder).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static struct stat About(const fs::path& path) {
    struct stat about{};
    EXPECT_EQ(::lstat(path.c_str(), &about), 0) << path;
    return about;
  }

  void SetUp() override { ASSERT_TRUE(WriteFile(outside.path() / "victim", "untouched")); }

  TemporaryDirectory outside = TemporaryDirectory::Make("berth-extract-test").value();
  TemporaryDirectory home = TemporaryDirectory::Make("berth-extract-test").value();
  fs::path tree = home.path() / "tree";
};

TEST_F(Extract, FilesKeepContentModeAndTime) {
  const auto summary = FromTar(RawTar({.name = "run.sh", .mode = 0755, .content = "echo"}) +
                               RawTar({.name = "./sub/data", .mode = 0640, .content = "12345"}));
  ASSERT_TRUE(summary) << summary.error().message();
  EXPECT_EQ(summary->entries, 2);
  EXPECT_EQ(summary->bytes, 9);
  EXPECT_EQ(ReadFile(tree / "sub/data").value(), "12345");
  EXPECT_EQ(About(tree / "run.sh").st_mode & 07777, 0755u);
  EXPECT_EQ(About(tree / "sub/data").st_mode & 07777, 0640u);
  EXPECT_EQ(About(tree / "run.sh").st_mtime, 1'700'000'000);
  EXPECT_EQ(About(tree / "sub").st_mode & 07777, 0755u);
}

TEST_F(Extract, AnyPieceSizeOfTheSourceGivesTheSame) {
  const std::string packed =
      Gzip(RawTar({.name = "a", .content = std::string(3000, 'x')}) + TarEnd());
  for (const size_t step : {1u, 2u, 511u, 1u << 20}) {
    ASSERT_TRUE(ExtractTarGz(FromText(packed, step), tree)) << step;
    EXPECT_EQ(ReadFile(tree / "a").value(), std::string(3000, 'x'));
    fs::remove_all(tree);
  }
}

TEST_F(Extract, UncompressedTarIsTaken) {
  ASSERT_TRUE(ExtractTarGz(FromText(RawTar({.name = "a", .content = "b"}) + TarEnd()), tree));
  EXPECT_EQ(ReadFile(tree / "a").value(), "b");
}

TEST_F(Extract, SeveralGzipMembersAreOneArchive) {
  const std::string tar = RawTar({.name = "a", .content = std::string(2000, 'x')}) + TarEnd();
  ASSERT_TRUE(ExtractTarGz(FromText(Gzip(tar.substr(0, 700)) + Gzip(tar.substr(700))), tree));
  EXPECT_EQ(About(tree / "a").st_size, 2000);
}

TEST_F(Extract, PaddingBehindTheGzipStreamIsIgnored) {
  ASSERT_TRUE(ExtractTarGz(FromText(Gzip(TarEnd()) + std::string(5000, '\0')), tree));
}

TEST_F(Extract, ArchiveWithoutEntriesGivesAnEmptyDirectory) {
  ASSERT_TRUE(FromTar(""));
  EXPECT_TRUE(fs::is_empty(tree));
}

TEST_F(Extract, NamesArriveByteForByte) {
  const std::string latin1 = "caf\xE9";
  const auto summary =
      FromTar(RawTar({.name = "grün/数据 1.txt"}) + RawTar({.name = latin1}) +
              PaxHeader({{"path", "größe/\xF0\x9F\xA6\x8A"}}) + RawTar({.name = "short"}) +
              PaxHeader({{"linkpath", "größe/\xF0\x9F\xA6\x8A"}}) +
              RawTar({.name = "link", .type = '2', .link_target = "short"}));
  ASSERT_TRUE(summary) << summary.error().message();
  EXPECT_THAT(Names(tree), ElementsAre(latin1, "größe", "größe/\xF0\x9F\xA6\x8A", "grün",
                                       "grün/数据 1.txt", "link"));
  EXPECT_EQ(fs::read_symlink(tree / "link"), "größe/\xF0\x9F\xA6\x8A");
}

TEST_F(Extract, LongNamesArriveWhole) {
  const std::string name = std::string(200, 'd') + "/" + std::string(200, 'e') + "/f";
  ASSERT_TRUE(FromTar(PaxHeader({{"path", name}}) + RawTar({.name = "short"})));
  EXPECT_TRUE(fs::exists(tree / name));
}

TEST_F(Extract, FolderListedBehindItsContentGetsItsMode) {
  ASSERT_TRUE(
      FromTar(RawTar({.name = "d/e/f", .content = "x"}) +
              RawTar({.name = "d/", .type = '5', .mode = 0750, .modified = 1'600'000'000})));
  EXPECT_EQ(About(tree / "d").st_mode & 07777, 0750u);
  EXPECT_EQ(About(tree / "d").st_mtime, 1'600'000'000);
}

TEST_F(Extract, ReadOnlyFolderIsFilled) {
  ASSERT_TRUE(FromTar(RawTar({.name = "d", .type = '5', .mode = 0555}) +
                      RawTar({.name = "d/e", .type = '5', .mode = 0555}) +
                      RawTar({.name = "d/e/f", .content = "x"})));
  EXPECT_EQ(About(tree / "d").st_mode & 07777, 0555u);
  EXPECT_EQ(ReadFile(tree / "d/e/f").value(), "x");
  fs::permissions(tree / "d", fs::perms::owner_all);
  fs::permissions(tree / "d/e", fs::perms::owner_all);
}

TEST_F(Extract, LinksInsideTheTreeAreKept) {
  ASSERT_TRUE(FromTar(RawTar({.name = "a/file", .content = "x"}) +
                      RawTar({.name = "a/b/up", .type = '2', .link_target = "../file"}) +
                      RawTar({.name = "top", .type = '2', .link_target = "a/b/up"}) +
                      RawTar({.name = "dangling", .type = '2', .link_target = "none"}) +
                      RawTar({.name = "second", .type = '1', .link_target = "./a/file"})));
  EXPECT_EQ(ReadFile(tree / "top").value(), "x");
  EXPECT_EQ(fs::read_symlink(tree / "a/b/up"), "../file");
  EXPECT_EQ(fs::read_symlink(tree / "dangling"), "none");
  EXPECT_EQ(About(tree / "second").st_ino, About(tree / "a/file").st_ino);
}

TEST_F(Extract, LaterEntryReplacesTheEarlierFileAndNotWhatALinkNames) {
  ASSERT_TRUE(FromTar(RawTar({.name = "kept", .content = "kept"}) +
                      RawTar({.name = "a", .type = '2', .link_target = "kept"}) +
                      RawTar({.name = "a", .content = "one"}) +
                      RawTar({.name = "a", .content = "two"})));
  EXPECT_EQ(ReadFile(tree / "a").value(), "two");
  EXPECT_EQ(ReadFile(tree / "kept").value(), "kept");
}

TEST_F(Extract, SparseFileKeepsItsSizeAndContent) {
  const std::string map = "2\n0\n4\n1000000\n3\n";
  std::string data = map;
  data.resize(512);
  data += "headend";
  const auto summary = FromTar(PaxHeader({{"GNU.sparse.major", "1"},
                                          {"GNU.sparse.minor", "0"},
                                          {"GNU.sparse.name", "big"},
                                          {"GNU.sparse.realsize", "2000000"}}) +
                               RawTar({.name = "GNUSparseFile.0/big", .content = data}));
  ASSERT_TRUE(summary) << summary.error().message();
  ASSERT_THAT(Names(tree), ElementsAre("big"));
  const std::string bytes = ReadFile(tree / "big").value();
  ASSERT_EQ(bytes.size(), 2'000'000u);
  EXPECT_EQ(bytes.substr(0, 4), "head");
  EXPECT_EQ(bytes.substr(1'000'000, 3), "end");
  EXPECT_EQ(bytes[500'000], '\0');
}

TEST_F(Extract, WriteForOthersAndFolderSetIdAreDropped) {
  ASSERT_TRUE(FromTar(RawTar({.name = "f", .mode = 0666}) +
                      RawTar({.name = "d", .type = '5', .mode = 07777})));
  EXPECT_EQ(About(tree / "f").st_mode & 07777, 0664u);
  EXPECT_EQ(About(tree / "d").st_mode & 07777, 0775u);
}

TEST_F(Extract, AbsoluteNameIsRefused) {
  EXPECT_EQ(Refusal(RawTar({.name = "/etc/x"})), "entry \"/etc/x\": its name is an absolute path");
}

TEST_F(Extract, DotDotIsRefusedWhereverItStands) {
  EXPECT_EQ(Refusal(RawTar({.name = "../x"})), "entry \"../x\": its name contains \"..\"");
  EXPECT_EQ(Refusal(RawTar({.name = "a/../b"})), "entry \"a/../b\": its name contains \"..\"");
  EXPECT_EQ(Refusal(RawTar({.name = ".."})), "entry \"..\": its name contains \"..\"");
}

TEST_F(Extract, LinksOutOfTheTreeAreRefused) {
  const auto link = [](std::string name, std::string target) {
    return RawTar({.name = std::move(name), .type = '2', .link_target = std::move(target)});
  };
  EXPECT_EQ(Refusal(link("l", "/etc")), "entry \"l\": it is a link to an absolute path");
  EXPECT_EQ(Refusal(link("l", "..")), "entry \"l\": it is a link that leads out of the archive");
  EXPECT_EQ(Refusal(link("a/l", "../../x")),
            "entry \"a/l\": it is a link that leads out of the archive");
  // a/b/up is the tree itself, so that "a/b/up/.." is outside though it does not look so.
  EXPECT_EQ(Refusal(link("a/b/up", "../..") + link("out", "a/b/up/../victim")),
            "entry \"out\": it is a link whose target has \"..\" behind a name");
}

TEST_F(Extract, EntryThroughALinkIsRefused) {
  EXPECT_EQ(Refusal(RawTar({.name = "d", .type = '5'}) +
                    RawTar({.name = "l", .type = '2', .link_target = "d"}) +
                    RawTar({.name = "l/x", .content = "x"})),
            "entry \"l/x\": its name leads through \"l\", which is a link");
}

TEST_F(Extract, HardLinksToAnythingButAnEarlierFileAreRefused) {
  EXPECT_EQ(Refusal(RawTar({.name = "h", .type = '1', .link_target = "/etc/passwd"})),
            "entry \"h\": of the file it links to: its name is an absolute path");
  EXPECT_EQ(Refusal(RawTar({.name = "h", .type = '1', .link_target = "none"})),
            "entry \"h\": it links to a file that did not come before it");
  // In "a" the link stays inside; under another name at the top it would not.
  EXPECT_EQ(Refusal(RawTar({.name = "a/l", .type = '2', .link_target = "../x"}) +
                    RawTar({.name = "h", .type = '1', .link_target = "a/l"})),
            "entry \"h\": it links to something that is not a file");
}

TEST_F(Extract, DevicesAndFifosAreRefused) {
  for (const char type : {'3', '4', '6'}) {
    EXPECT_EQ(Refusal(RawTar({.name = "n", .type = type})),
              "entry \"n\": it is a device, FIFO or socket");
  }
}

TEST_F(Extract, SetIdFilesAreRefused) {
  EXPECT_EQ(Refusal(RawTar({.name = "su", .mode = 04755})), "entry \"su\": it is a set-id file");
  EXPECT_EQ(Refusal(RawTar({.name = "sg", .mode = 02755})), "entry \"sg\": it is a set-id file");
}

TEST_F(Extract, FileAndFolderOfOneNameAreRefused) {
  EXPECT_EQ(Refusal(RawTar({.name = "a"}) + RawTar({.name = "a", .type = '5'})),
            "entry \"a\": a file or link of this name came before it");
  EXPECT_EQ(Refusal(RawTar({.name = "a", .type = '5'}) + RawTar({.name = "a"})),
            "entry \"a\": a folder of this name came before it");
  EXPECT_EQ(Refusal(RawTar({.name = "a"}) + RawTar({.name = "a/b"})),
            "entry \"a/b\": its name leads through \"a\", which is not a folder");
}

TEST_F(Extract, LimitsHold) {
  EXPECT_EQ(Refusal(RawTar({.name = "a"}) + RawTar({.name = "b"}), {.max_entries = 1}),
            "the archive has more than the allowed 1 entries; if it is meant to, set "
            "BERTH_EXTRACT_MAX_ENTRIES");
  EXPECT_THAT(
      Refusal(RawTar({.name = "a", .content = std::string(9000, 'x')}), {.max_bytes = 5000}),
      HasSubstr("more than the allowed 5000 bytes"));
  // A hole costs the archive nothing, and those who read it everything.
  EXPECT_THAT(Refusal(PaxHeader({{"GNU.sparse.major", "1"},
                                 {"GNU.sparse.minor", "0"},
                                 {"GNU.sparse.realsize", "1000000000000"}}) +
                          RawTar({.name = "a", .content = Padded("1\n0\n0\n")}),
                      {.max_bytes = 1'000'000}),
              HasSubstr("more than the allowed 1000000 bytes"));
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "d/";
  EXPECT_THAT(Refusal(PaxHeader({{"path", deep + "f"}}) + RawTar({.name = "x"})),
              HasSubstr("its name is nested deeper than 256 folders"));
}

TEST_F(Extract, CompressionBombStopsAtTheLimit) {
  std::string bomb = Gzip(std::string(10 << 20, '\0'));
  EXPECT_EQ(ExtractTarGz(FromText(bomb), tree, {.max_bytes = 1 << 20}).error().message(),
            "the archive holds more than the allowed 1048576 bytes; if it is meant to, set "
            "BERTH_EXTRACT_MAX_BYTES");
}

TEST(ExtractLimits, AreSettings) {
  const auto usual = ExtractLimits::FromEnvironment({{"BERTH_EXTRACT_MAX_BYTES", ""}});
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->max_entries, 2'000'000);
  EXPECT_EQ(usual->max_bytes, uint64_t{512} << 30);
  const auto set = ExtractLimits::FromEnvironment(
      {{"BERTH_EXTRACT_MAX_BYTES", "4096"}, {"BERTH_EXTRACT_MAX_ENTRIES", "3"}});
  ASSERT_TRUE(set);
  EXPECT_EQ(set->max_entries, 3);
  EXPECT_EQ(set->max_bytes, 4096);
  for (const char* wrong : {"0", "-1", "1e6", "1 GiB", "99999999999999999999"}) {
    const auto refused = ExtractLimits::FromEnvironment({{"BERTH_EXTRACT_MAX_BYTES", wrong}});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message(),
                HasSubstr("BERTH_EXTRACT_MAX_BYTES: expected a whole number above 0"));
  }
}

TEST_F(Extract, EveryTruncationIsAnErrorAndLeavesNothing) {
  std::string content;
  for (unsigned i = 0; i < 2000; ++i) content += static_cast<char>(i * i * 7919 >> 5);
  const std::string tar =
      RawTar({.name = "a", .content = content}) + RawTar({.name = "b"}) + TarEnd();
  const std::string packed = Gzip(tar);
  for (size_t length = 0; length < packed.size(); length += 7) {
    EXPECT_FALSE(ExtractTarGz(FromText(packed.substr(0, length)), tree)) << length;
    ASSERT_FALSE(fs::exists(tree)) << length;
  }
  for (size_t length = 0; length + 1024 <= tar.size(); length += 256) {
    EXPECT_FALSE(ExtractTarGz(FromText(tar.substr(0, length)), tree)) << length;
    ASSERT_FALSE(fs::exists(tree)) << length;
  }
}

TEST_F(Extract, NoFlippedByteChangesContentUnnoticed) {
  const std::string packed = Gzip(RawTar({.name = "a", .content = "some content"}) + TarEnd());
  size_t errors = 0;
  // The ten bytes of gzip's header hold a time and a system's name, which nothing checks.
  for (size_t at = 10; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto summary = ExtractTarGz(FromText(damaged), tree);
    if (summary) {  // another way to write the same bytes
      EXPECT_EQ(ReadFile(tree / "a").value(), "some content") << at;
      fs::remove_all(tree);
    } else {
      ++errors;
    }
    ASSERT_FALSE(fs::exists(tree)) << at;
  }
  EXPECT_GT(errors, packed.size() / 2);
}

TEST_F(Extract, ErrorsSayWhatIsWrongAndWhatToDo) {
  const auto error = [this](const std::string& bytes) {
    return ExtractTarGz(FromText(bytes), tree).error().message();
  };
  EXPECT_EQ(error(""), "it is empty, not a .tar.gz archive");
  EXPECT_EQ(error("PK\x03\x04 and so on"),
            "it is not a .tar.gz archive; pack the directory with `tar -czf`");
  const std::string tar = RawTar({.name = "a\x1B[2J", .content = std::string(99'000, 'x')});
  const std::string packed = Gzip(tar);
  EXPECT_EQ(error(packed.substr(0, 5)),
            "the archive is damaged: it ends too early; make it, or copy it, once more");
  EXPECT_EQ(
      error(tar.substr(0, 50'000)),
      "entry \"a\\x1b[2J\": the archive is damaged or cut off (Truncated tar archive); make it, "
      "or copy it, once more");
  EXPECT_EQ(
      error(tar + "garbage"),
      "after entry \"a\\x1b[2J\": the archive is damaged or cut off (Truncated tar archive); make "
      "it, or copy it, once more");
  EXPECT_EQ(error(RawTar({.name = "a"})),
            "the archive is cut off: its end mark is missing; make it, or copy it, once more");
}

TEST_F(Extract, ErrorOfTheSourceComesThrough) {
  const ByteSource broken = [](std::span<char>) -> Result<size_t> {
    return Fail("connection reset", ECONNRESET);
  };
  const auto summary = ExtractTarGz(broken, tree);
  ASSERT_FALSE(summary);
  EXPECT_THAT(summary.error().message(), HasSubstr("connection reset"));
  EXPECT_EQ(summary.error().system_error(), ECONNRESET);
}

TEST_F(Extract, DestinationThatHoldsSomethingStaysAsItIs) {
  ASSERT_TRUE(fs::create_directory(tree));
  ASSERT_TRUE(WriteFile(tree / "mine", "mine"));
  EXPECT_EQ(FromTar(RawTar({.name = "a"})).error().message(),
            "cannot extract into \"" + tree.string() + "\": it is not empty");
  EXPECT_THAT(Names(tree), ElementsAre("mine"));
}

TEST_F(Extract, FailureEmptiesADestinationThatWasThereBefore) {
  ASSERT_TRUE(fs::create_directory(tree));
  ASSERT_FALSE(FromTar(RawTar({.name = "d", .type = '5', .mode = 0555}) +
                       RawTar({.name = "d/e/f"}) + RawTar({.name = "../x"})));
  EXPECT_THAT(Names(tree), IsEmpty());
  EXPECT_TRUE(fs::exists(tree));
}

TEST_F(Extract, ErrorOfAFileNamesIt) {
  const fs::path file = home.path() / "code.tar.gz";
  EXPECT_EQ(ExtractTarGzFile(file, tree).error().message(),
            "cannot extract \"" + file.string() + "\": No such file or directory");
  ASSERT_TRUE(WriteFile(file, "print('hello')\n"));
  EXPECT_EQ(ExtractTarGzFile(file, tree).error().message(),
            "cannot extract \"" + file.string() +
                "\": it is not a .tar.gz archive; pack the directory with `tar -czf`");
}

}  // namespace
}  // namespace berth::storage
