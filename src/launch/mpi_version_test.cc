#include "launch/mpi_version.h"

#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

std::string Told(std::string_view output) {
  const auto version = ParseMpiVersion(output);
  if (!version) return version.error().message();
  return version->text + (version->open_mpi() ? " (open)" : "") + " " +
         std::to_string(version->major);
}

// Each as the real one prints it.
TEST(MpiVersion, KnowsTheMpisByWhatTheyPrint) {
  EXPECT_EQ(Told("mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/x/\n"),
            "Open MPI 4.1.4 (open) 4");
  EXPECT_EQ(Told("mpirun.real (OpenRTE) 4.0.1\n"),
            "`mpirun --version` names no MPI that berth knows (Open MPI, MPICH, Intel MPI): "
            "\"mpirun.real (OpenRTE) 4.0.1\"");
  EXPECT_EQ(Told("mpirun (Open MPI) 5.0.11\n\nReport bugs to https://x/\n"),
            "Open MPI 5.0.11 (open) 5");
  EXPECT_EQ(Told("HYDRA build details:\n    Version:                                 5.0.2\n"
                 "    Release Date:  Fri Sep 25\n"),
            "MPICH 5.0.2 5");
  EXPECT_EQ(
      Told("Intel(R) MPI Library for Linux* OS, Version 2021.19.0 Build 20260929 (id: 1821d9b)"
           "\nCopyright 2003-2026, Intel Corporation.\n"),
      "Intel MPI 2021.19.0 2021");
}

TEST(MpiVersion, AMissingMpirunSaysWhatToInstall) {
  const TestHost host;
  const auto version = FindMpi(host.variables);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().message(),
            "there is no `mpirun` on the PATH: install Open MPI (Debian and Ubuntu: openmpi-bin), "
            "MPICH or Intel MPI in the image, or switch sagemaker_mpi_enabled off");
}

TEST(MpiVersion, ABrokenMpirunIsToldInItsWords) {
  const TestHost host;
  host.Program("mpirun", "echo 'libopen-rte.so.40: not found' >&2; exit 127\n");
  const auto version = FindMpi(host.variables);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().message(), "`" + host.path("bin/mpirun") +
                                           " --version` ended with 127: libopen-rte.so.40: not "
                                           "found: the image's MPI does not work");
}

}  // namespace
}  // namespace berth::launch
