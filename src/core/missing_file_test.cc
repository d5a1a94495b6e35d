#include "core/missing_file.h"

#include <gtest/gtest.h>

#include "core/files.h"

namespace berth {
namespace {

TEST(InsteadOfMissing, TellsWhatIsThereAndWhatWasMeant) {
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(InsteadOfMissing(folder->path(), "train.py"), "");
  ASSERT_TRUE(WriteFile(folder->path() / ".hidden", ""));
  EXPECT_EQ(InsteadOfMissing(folder->path(), "train.py"), "");
  ASSERT_TRUE(WriteFile(folder->path() / "other", ""));
  EXPECT_EQ(InsteadOfMissing(folder->path(), "train.py"), ". Files found there: \"other\"");
  ASSERT_TRUE(MakeDirectories(folder->path() / "sub"));
  ASSERT_TRUE(WriteFile(folder->path() / "sub/train.py", ""));
  EXPECT_EQ(InsteadOfMissing(folder->path(), "train.py"),
            "; did you mean \"sub/train.py\"? Files found there: \"other\", \"sub/train.py\"");
}

}  // namespace
}  // namespace berth
