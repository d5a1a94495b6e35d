#include "storage/links.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "core/files.h"

namespace berth::storage {
namespace {

namespace fs = std::filesystem;

class Links : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::Make("berth-links-test");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<TemporaryDirectory>(*std::move(made));
    Write("../outside", "secret");
    Write("ok", "good");
    Write("step1/w", "weights");
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeDirectories((Root() / name).parent_path()));
    ASSERT_TRUE(WriteFile(Root() / name, text));
  }
  void Link(const std::string& name, const std::string& target) {
    fs::create_symlink(target, Root() / name);
  }
  fs::path Root() const { return directory_->path() / "folder"; }
  LinkedFolder Folder() const { return {Root(), {"/opt/ml/model/"}}; }

  // name: the file it is, or why it is left out.
  std::map<std::string, std::string> Walked() const {
    std::map<std::string, std::string> seen;
    const auto done = Folder().Walk(
        "", {.file = [&](const std::string& name, const std::string& real,
                         const struct stat&) -> Result<void> {
               seen[name] = real;
               return {};
             },
             .left_out = [&](const std::string& name,
                             const std::string& why) { seen[name] = "left out: " + why; }});
    EXPECT_TRUE(done) << done.error().message();
    return seen;
  }

  std::unique_ptr<TemporaryDirectory> directory_;
};

TEST_F(Links, AreFollowedAsTheJobSeesThem) {
  Link("latest", "ok");
  Link("absolute", "/opt/ml/model/step1/../ok");
  Link("folder", "step1");
  Link("step1/up", "../latest");
  EXPECT_EQ(Walked(), (std::map<std::string, std::string>{{"absolute", "ok"},
                                                          {"folder/up", "ok"},
                                                          {"folder/w", "step1/w"},
                                                          {"latest", "ok"},
                                                          {"ok", "ok"},
                                                          {"step1/up", "ok"},
                                                          {"step1/w", "step1/w"}}));
}

TEST_F(Links, NeverLeadOutOfTheFolder) {
  Link("a", "/etc/hostname");
  Link("b", "../outside");
  Link("c", "/opt/ml/model/../outside");
  Link("d", "/opt/ml/models/x");
  Link("e", "none");
  Link("f", "f");
  ASSERT_EQ(::mkfifo((Root() / "g").c_str(), 0600), 0);
  EXPECT_EQ(
      Walked(),
      (std::map<std::string, std::string>{
          {"a", R"(left out: it is a link that leads out of the folder, to "/etc/hostname")"},
          {"b", "left out: it is a link that leads out of the folder"},
          {"c", "left out: it is a link that leads out of the folder"},
          {"d", R"(left out: it is a link that leads out of the folder, to "/opt/ml/models/x")"},
          {"e", "left out: it is a broken link"},
          {"f", "left out: its links lead in a circle"},
          {"g", "left out: it is no regular file"},
          {"ok", "ok"},
          {"step1/w", "step1/w"}}));
  EXPECT_FALSE(Folder().Open("a"));
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(Links, ToFoldersAreNoCircle) {
  Link("step1/self", ".");
  Link("root", "/opt/ml/model");
  Write("step2/x", "");
  Link("step1/two", "../step2");
  Link("step2/one", "../step1");
  const auto seen = Walked();
  EXPECT_EQ(seen.at("root"), "left out: it is a link to a folder that it lies in");
  EXPECT_EQ(seen.at("step1/self"), "left out: it is a link to a folder that it lies in");
  EXPECT_EQ(seen.at("step1/two/x"), "step2/x");
  EXPECT_EQ(seen.at("step1/two/one"), "left out: it is a link to a folder that it lies in");
}

TEST_F(Links, TheFileBehindThemIsOpened) {
  Link("folder", "/opt/ml/model/step1");
  const Descriptor opened = Folder().Open("folder/w");
  ASSERT_TRUE(opened);
  char text[16] = {};
  EXPECT_EQ(::read(opened.get(), text, sizeof text), 7);
  EXPECT_STREQ(text, "weights");
}

}  // namespace
}  // namespace berth::storage
