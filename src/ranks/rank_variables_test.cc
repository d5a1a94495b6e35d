#include "ranks/rank_variables.h"

#include <gmock/gmock.h>

#include "ranks/rank_host.h"

namespace berth::ranks {
namespace {

using process::Variables;

Hello Of(const Variables& variables) {
  const auto hello = RankOf(variables);
  EXPECT_TRUE(hello) << hello.error().message();
  return hello.value_or(Hello{-1, -1, -1});
}

TEST(RankOf, EachLauncherSaysItInItsWay) {
  EXPECT_EQ(Of({{"TORCHELASTIC_RUN_ID", "none"},
                {"RANK", "9"},
                {"LOCAL_RANK", "1"},
                {"WORLD_SIZE", "16"}}),
            (Hello{9, 1, 16}));
  EXPECT_EQ(Of({{"OMPI_COMM_WORLD_RANK", "12"},
                {"OMPI_COMM_WORLD_LOCAL_RANK", "4"},
                {"OMPI_COMM_WORLD_SIZE", "16"},
                {"PMIX_RANK", "12"}}),
            (Hello{12, 4, 16}));
  EXPECT_EQ(Of({{"PMIX_RANK", "2"}}), (Hello{2, 0, 0}));
  EXPECT_EQ(Of({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "1"}}), (Hello{3, 1, 4}));
  EXPECT_EQ(Of({{"RANK", "5"}}), (Hello{5, 0, 0}));
  EXPECT_EQ(Of({{kNumberVariable, "1"}, {"PMI_RANK", "0"}, {"RANK", "7"}}), (Hello{1, 0, 0}));
}

TEST(RankOf, AnImagesOwnRankDoesNotHideTheLaunchers) {
  EXPECT_EQ(Of({{"RANK", "0"},
                {"LOCAL_RANK", "0"},
                {"WORLD_SIZE", "1"},
                {"OMPI_COMM_WORLD_RANK", "3"},
                {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                {"OMPI_COMM_WORLD_SIZE", "4"}}),
            (Hello{3, 1, 4}));
  EXPECT_EQ(Of({{"TORCHELASTIC_RUN_ID", "none"}, {"RANK", "3"}, {"OMPI_COMM_WORLD_RANK", "0"}}),
            (Hello{3, 0, 0}));
}

TEST(RankOf, WithoutALauncherSaysHowItIsStarted) {
  EXPECT_EQ(
      RankOf({{"WORLD_SIZE", "4"}}).error().message(),
      "no launcher has given this process a rank (RANK, OMPI_COMM_WORLD_RANK, PMIX_RANK or "
      "PMI_RANK): it is started by torchrun or mpirun inside of a job of `berth train`, not by "
      "hand");
  EXPECT_EQ(RankOf({{"RANK", "first"}}).error().message(), "RANK=\"first\" is no number of a rank");
  EXPECT_EQ(RankOf({{"RANK", "-1"}}).error().message(), "RANK=\"-1\" is no number of a rank");
}

TEST(ProgramVariables, AreLaidOverTheLaunchersWhereAsked) {
  const Variables own = {{"PATH", "/bin"},       {"SM_CURRENT_HOST", "algo-1"}, {"PMIX_RANK", "3"},
                         {"NCCL_DEBUG", "WARN"}, {kSocketVariable, "s"},        {"OMPI_MCA_a", "1"},
                         {kNumberVariable, "3"}};
  const RankProgram program{.argv = {"x"},
                            .directory = "",
                            .variables = {{"SM_CURRENT_HOST", "algo-2"},
                                          {"NCCL_DEBUG", "INFO"},
                                          {"OMPI_MCA_a", "2"},
                                          {"OMPI_MCA_b", "3"},
                                          {"NEW", "n"}},
                            .kept = {"NCCL_DEBUG"},
                            .overlay = true};
  EXPECT_EQ(ProgramVariables(own, program), (Variables{{"PATH", "/bin"},
                                                       {"SM_CURRENT_HOST", "algo-2"},
                                                       {"PMIX_RANK", "3"},
                                                       {"NCCL_DEBUG", "WARN"},
                                                       {"OMPI_MCA_a", "1"},
                                                       {"OMPI_MCA_b", "3"},
                                                       {"NEW", "n"},
                                                       {"PYTHONFAULTHANDLER", "1"}}));
}

TEST(ProgramVariables, WithoutAnOverlayAreTheLaunchers) {
  const RankProgram program{
      .argv = {"x"}, .directory = "", .variables = {{"A", "2"}}, .kept = {}, .overlay = false};
  EXPECT_EQ(ProgramVariables({{"A", "1"}, {"PYTHONFAULTHANDLER", ""}}, program),
            (Variables{{"A", "1"}, {"PYTHONFAULTHANDLER", ""}}));
}

}  // namespace
}  // namespace berth::ranks
