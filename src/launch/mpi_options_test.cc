#include "launch/mpi_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"
#include "launch/settings.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;

MpiOptions Options(std::string_view text, MpiKind kind = MpiKind::kOpenMpi) {
  auto options = MpiOptions::Parse(*SplitWords(text), kind, "S");
  EXPECT_TRUE(options) << (options ? "" : options.error().message());
  return options ? *std::move(options) : MpiOptions{};
}

std::string Spelled(std::string_view text, MpiKind kind = MpiKind::kOpenMpi) {
  return ShellQuoted(Options(text, kind).words());
}

std::string ErrorOf(std::string_view text, MpiKind kind = MpiKind::kOpenMpi) {
  const auto options = MpiOptions::Parse(*SplitWords(text), kind, "S");
  return options ? "no error" : options.error().message();
}

TEST(MpiOptions, StayAsTheyAre) {
  EXPECT_EQ(Spelled("-x A=1 --mca a b -np 4 --hostfile h -N 2"),
            "-x A=1 --mca a b -np 4 --hostfile h -N 2");
}

TEST(MpiOptions, LongOpenMpiOptionsGetTheTwoDashesThatVersion5AsksFor) {
  EXPECT_EQ(Spelled("-bind-to none -map-by slot -verbose -mca a b"),
            "--bind-to none --map-by slot --verbose -mca a b");
}

TEST(MpiOptions, TheLastOfTwoCounts) {
  EXPECT_EQ(Spelled("-x A=1 -x B=2 -x A=3"), "-x B=2 -x A=3");
  EXPECT_EQ(Spelled("-mca a 1 --mca b 2 --mca a 3"), "--mca b 2 --mca a 3");
  EXPECT_EQ(Spelled("-bind-to none --bind-to core"), "--bind-to core");
  EXPECT_EQ(Spelled("-genv A 1 -genv A 2 -ppn 1 -ppn 2", MpiKind::kMpich), "-genv A 2 -ppn 2");
}

TEST(MpiOptions, KnowsWhatIsSet) {
  const MpiOptions options = Options("-x A=1 -x B --mca btl self,tcp -np 4 --map-by=node -q");
  EXPECT_TRUE(options.HasMca("btl"));
  EXPECT_FALSE(options.HasMca("pml"));
  EXPECT_TRUE(options.Has({"np", "n"}));
  EXPECT_EQ(options.ValueOf({"n", "np"}), "4");
  EXPECT_EQ(options.ValueOf({"map-by"}), "node");
  EXPECT_THAT(options.SetVariables(), ElementsAre("A"));
}

TEST(MpiOptions, NcclDebugIsAnOptionOfTheReferenceOnly) {
  EXPECT_EQ(Options("--NCCL_DEBUG WARN -x A=1").nccl_debug(), "WARN");
  EXPECT_EQ(Options("--NCCL_DEBUG=WARN").nccl_debug(), "WARN");
  EXPECT_EQ(Spelled("--NCCL_DEBUG WARN -x A=1"), "-x A=1");
}

TEST(MpiOptions, HydraGetsOpenMpisVariablesInItsOwnForm) {
  EXPECT_EQ(Spelled("-x A='1 2' -x B -genv C 3", MpiKind::kMpich), "-genv A '1 2' -genv C 3");
  EXPECT_THAT(Options("-x A=1 -genv C 3", MpiKind::kIntel).SetVariables(), ElementsAre("A", "C"));
}

TEST(MpiOptions, WhatCannotBeMeantIsAnError) {
  EXPECT_EQ(
      ErrorOf("train.py"),
      "S: \"train.py\" is neither an option nor an option's value, so mpirun would take it for "
      "the program to run");
  EXPECT_EQ(
      ErrorOf("--oversubscribe train.py"),
      "S: \"train.py\" is neither an option nor an option's value, so mpirun would take it for "
      "the program to run");
  EXPECT_EQ(ErrorOf("-x"), "S: \"-x\" needs a value after it");
  EXPECT_EQ(ErrorOf("--mca a"), "S: \"--mca\" needs two values after it");
  EXPECT_EQ(
      ErrorOf("-mca a b", MpiKind::kIntel),
      "S: \"-mca\" is an option of Open MPI, and the image's mpirun is another (MPICH or Intel "
      "MPI): leave it out");
}

}  // namespace
}  // namespace berth::launch
