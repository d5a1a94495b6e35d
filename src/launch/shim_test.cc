#include "launch/shim.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "core/files.h"
#include "core/text.h"
#include "process/supervisor.h"

namespace berth::launch {
namespace {

/// What the image's `hostname`, which asks gethostname(), prints with the shim and these variables.
std::string HostName(const TemporaryDirectory& directory, process::Variables variables) {
  const auto shim = WriteHostNameShim(directory.path().string());
  EXPECT_TRUE(shim);
  variables["LD_PRELOAD"] = *shim;
  variables["PATH"] = "/usr/bin:/bin";
  const auto outcome = process::Capture({{"hostname"}, variables, {}}, std::chrono::seconds(60));
  EXPECT_TRUE(outcome && outcome->ok() && outcome->error_tail.empty())
      << (outcome ? outcome->error_tail : "");
  return outcome ? std::string(Trim(outcome->output_tail)) : "";
}

TEST(Shim, TheHostIsCalledAsTheContractCallsIt) {
  const auto directory = TemporaryDirectory::Make("shim");
  ASSERT_TRUE(directory);
  EXPECT_EQ(HostName(*directory, {{"SM_CURRENT_HOST", "algo-7"}}), "algo-7");
}

TEST(Shim, WithoutAContractItIsCalledAsItIs) {
  const auto directory = TemporaryDirectory::Make("shim");
  ASSERT_TRUE(directory);
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size()), 0);
  EXPECT_EQ(HostName(*directory, {}), name.data());
  EXPECT_EQ(HostName(*directory, {{"SM_CURRENT_HOST", ""}}), name.data());
}

TEST(Shim, NeedsNoLibrary) {
  // Its dynamic section would name one: "libc.so.6" of glibc, "libc.musl-x86_64.so.1" of musl.
  EXPECT_EQ(HostNameShim().find("libc."), std::string_view::npos);
  EXPECT_TRUE(
      HostNameShim().starts_with("\x7f"
                                 "ELF"));
}

}  // namespace
}  // namespace berth::launch
