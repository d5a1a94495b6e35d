#include "ranks/error_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "core/files.h"
#include "core/json.h"
#include "ranks/message.h"

namespace berth::ranks {
namespace {

class ErrorFile : public ::testing::Test {
 protected:
  std::string Read(const std::string& content) {
    EXPECT_TRUE(WriteFile(path_, content));
    return ReadErrorFile(path_);
  }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-test");
  const std::string path_ = folder_->path() / "error.json";
};

TEST_F(ErrorFile, TheTracebackElseTheMessage) {
  EXPECT_EQ(Read(R"({"message": {"message": "ValueError: no", "extraInfo":
                 {"py_callstack": "Traceback (most recent call last):\n  …\nValueError: no\n",
                  "timestamp": "1700000000"}}})"),
            "Traceback (most recent call last):\n  …\nValueError: no");
  EXPECT_EQ(Read(R"({"message": {"message": "ValueError: no"}})"), "ValueError: no");
  EXPECT_EQ(Read(R"({"message": "killed", "errorCode": 9})"), "killed");
}

TEST_F(ErrorFile, WhatIsNoneSaysNothing) {
  EXPECT_EQ(ReadErrorFile(path_), "");
  for (const char* content : {"", "{", "[]", "7", R"({"message": 7})", R"({"message": {}})",
                              R"({"message": {"message": [], "extraInfo": 3}})", "\xff\xfe"}) {
    EXPECT_EQ(Read(content), "") << content;
  }
  EXPECT_EQ(ReadErrorFile(folder_->path()), "");
  EXPECT_EQ(ReadErrorFile(""), "");
  const std::string fifo = folder_->path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(ReadErrorFile(fifo), "");
}

TEST_F(ErrorFile, OfALongTracebackTheEnd) {
  std::string frames;
  for (int i = 0; i < 5000; ++i) frames += "  File \"train.py\", line 7\n";
  const json::Object info{{"py_callstack", frames + "ValueError: no\n"}};
  const std::string text = Read(json::Dump(
      json::Object{{"message", json::Object{{"message", "ValueError: no"}, {"extraInfo", info}}}}));
  EXPECT_LE(text.size(), kLongestText);
  EXPECT_THAT(text, ::testing::StartsWith("  File"));
  EXPECT_THAT(text, ::testing::EndsWith("line 7\nValueError: no"));
}

TEST_F(ErrorFile, AHugeOneIsNotRead) {
  EXPECT_EQ(Read("{\"message\": \"" + std::string(2 << 20, 'x') + "\"}"), "");
}

}  // namespace
}  // namespace berth::ranks
