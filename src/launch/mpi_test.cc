#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Facts kWorkers = {
    {"algo-2",
     {{"slots", 4}, {"ssh_port", 40022}, {"ssh_host_key", "ecdsa-sha2-nistp256 AAAAhost2"}}}};
const Facts kMaster = {
    {"algo-1",
     {{"slots", 4}, {"rank_socket", "berth-ranks-1"}, {"ssh_public_key", "ssh-ed25519 AAAAid"}}}};

TestHost MpiHost(std::vector<std::string> hosts = {"algo-1"}, size_t current = 0,
                 const std::string& version = "mpirun (Open MPI) 4.1.4") {
  TestHost host(std::move(hosts), current);
  host.hyperparameters.Set("sagemaker_mpi_enabled", "true");
  host.Mpirun(version);
  host.OpenSsh();
  host.Python("mpi4py");
  return host;
}

std::string CommandOf(const TestHost& host, const Facts& facts = {}) {
  const Plan plan = host.MakePlan(facts);
  return Line(plan.command.argv, host, plan);
}

TEST(Mpi, OpenMpi4OnOneHost) {
  TestHost host = MpiHost();
  host.gpus = 8;
  const Plan plan = host.MakePlan();
  EXPECT_EQ(Line(plan.command.argv, host, plan),
            "mpirun --host algo-1:8 -np 8 --allow-run-as-root --mca btl_tcp_if_include eth0 --mca "
            "plm_rsh_no_tree_spawn 1 --bind-to none --map-by slot "
            "--mca pml ob1 --mca btl '^openib' --mca orte_abort_on_non_zero_status 1 --mca "
            "btl_vader_single_copy_mechanism none -x BERTH_RANK_SOCKET=SOCKET /opt/berth rank");
  EXPECT_EQ(plan.work, Plan::Work::kCommand);
  EXPECT_TRUE(plan.several);
  ASSERT_TRUE(plan.ranks);
  EXPECT_THAT(plan.ranks->argv,
              ElementsAre(host.path("bin/python3"), "-m", "mpi4py", "train.py", "--lr", "0 .1"));
  EXPECT_EQ(plan.ranks->directory, host.path("code"));
  EXPECT_TRUE(plan.ranks->overlay);
  EXPECT_EQ(plan.command.variables.at("BERTH_RANK_SOCKET"), plan.rank_socket);
}

TEST(Mpi, OpenMpi5OnTwoHosts) {
  const TestHost host = MpiHost({"algo-1", "algo-2"}, 0, "mpirun (Open MPI) 5.0.11");
  EXPECT_EQ(
      CommandOf(host, kWorkers),
      "mpirun --host algo-1:1,algo-2:4 -np 5 --allow-run-as-root --mca btl_tcp_if_include eth0 "
      "--prtemca prte_if_include eth0 --prtemca plm_ssh_no_tree_spawn 1 --prtemca "
      "plm_ssh_agent 'BIN/ssh -F RUN/ssh/config' --bind-to none --map-by slot --mca pml ob1 "
      "--mca btl '^openib' --mca btl_vader_single_copy_mechanism none -x "
      "BERTH_RANK_SOCKET=SOCKET /opt/berth rank");
}

TEST(Mpi, MpichOnTwoHosts) {
  TestHost host = MpiHost({"algo-1", "algo-2"}, 0, "HYDRA build details:\n    Version:    5.0.2");
  host.hyperparameters.Set("sagemaker_mpi_num_of_processes_per_host", "4");
  const Plan plan = host.MakePlan(kWorkers);
  EXPECT_EQ(Line(plan.command.argv, host, plan),
            "mpirun -hosts algo-1,algo-2 -ppn 4 -np 8 -launcher ssh -launcher-exec BIN/ssh -iface "
            "eth0 -genv BERTH_RANK_SOCKET SOCKET /opt/berth rank");
  EXPECT_EQ(plan.command.variables.at("HYDRA_LAUNCHER_EXTRA_ARGS"),
            "-F " + host.path("run/ssh/config"));
}

TEST(Mpi, IntelMpiOnHostsOfDifferentSizes) {
  const TestHost host = MpiHost({"algo-1", "algo-2"}, 0,
                                "Intel(R) MPI Library for Linux* OS, Version 2021.19.0 Build 1");
  const Plan plan = host.MakePlan(kWorkers);
  EXPECT_EQ(Line(plan.command.argv, host, plan),
            "mpirun -f RUN/mpi_hosts -np 5 -launcher ssh -launcher-exec BIN/ssh -iface eth0 -genv "
            "BERTH_RANK_SOCKET SOCKET /opt/berth rank");
  EXPECT_EQ(*ReadFile(host.path("run/mpi_hosts")), "algo-1:1\nalgo-2:4\n");
  EXPECT_EQ(plan.command.variables.at("I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS"),
            "-F " + host.path("run/ssh/config"));
  EXPECT_EQ(plan.command.variables.at("I_MPI_HYDRA_BRANCH_COUNT"), "-1");
}

TEST(Mpi, HydraOnOneHostNamesNone) {
  EXPECT_EQ(CommandOf(MpiHost({"algo-1"}, 0, "HYDRA build details:\n Version: 4.0")),
            "mpirun -np 1 -genv BERTH_RANK_SOCKET SOCKET /opt/berth rank");
}

TEST(Mpi, AWorkerRunsSshdForTheMastersKeyOnly) {
  TestHost host = MpiHost({"algo-1", "algo-2"}, 1);
  host.variables["LD_LIBRARY_PATH"] = "/opt/lib";
  host.variables["SM_CURRENT_HOST"] = "algo-2";
  host.variables["SECRET"] = "s";
  const Plan plan = host.MakePlan(kMaster);
  EXPECT_EQ(Line(plan.command.argv, host, plan), "BIN/sshd -D -e -f RUN/ssh/sshd_config");
  EXPECT_FALSE(plan.command.variables.contains("LD_LIBRARY_PATH"));
  EXPECT_EQ(plan.work, Plan::Work::kMaster);
  EXPECT_EQ(plan.rank_socket, "berth-ranks-1");
  EXPECT_EQ(plan.ready_file, host.path("run/ssh/sshd.pid"));
  ASSERT_TRUE(plan.ranks);
  EXPECT_EQ(plan.ranks->variables.at("SM_CURRENT_HOST"), "algo-2");
  const auto keys = ReadFile(host.path("run/ssh/authorized_keys"));
  ASSERT_TRUE(keys);
  EXPECT_THAT(*keys, HasSubstr("environment=\"LD_LIBRARY_PATH=/opt/lib\""));
  EXPECT_THAT(*keys, HasSubstr("environment=\"PATH=" + host.path("bin") + "\""));
  EXPECT_THAT(*keys, HasSubstr(" ssh-ed25519 AAAAid\n"));
  EXPECT_THAT(*keys, Not(HasSubstr("SECRET")));
}

TEST(Mpi, TheMasterReachesWorkersByTheirOwnKeysAndPorts) {
  const TestHost host = MpiHost({"algo-1", "algo-2"});
  host.MakePlan(kWorkers);
  EXPECT_EQ(*ReadFile(host.path("run/ssh/known_hosts")), "algo-2 ecdsa-sha2-nistp256 AAAAhost2\n");
  const auto config = ReadFile(host.path("run/ssh/config"));
  ASSERT_TRUE(config);
  EXPECT_THAT(*config, HasSubstr("Host algo-2\n  Port 40022\n  HostKeyAlias algo-2\nHost *\n"));
  EXPECT_THAT(*config, HasSubstr("IdentityFile " + host.path("run/ssh/id") + "\n"));
  EXPECT_THAT(*config, HasSubstr("StrictHostKeyChecking yes\n"));
}

TEST(Mpi, TheUsersOptionsReplaceOurs) {
  TestHost host = MpiHost();
  host.hyperparameters.Set(
      "sagemaker_mpi_custom_mpi_options",
      "-np 1 -H algo-1 --mca btl_tcp_if_exclude lo --mca plm_rsh_no_tree_spawn 0 -bind-to core "
      "-npernode 1 --mca pml ucx -mca btl self -x A='1 2' --NCCL_DEBUG WARN");
  host.variables["OMPI_MCA_oob_tcp_if_include"] = "eth1";
  const Plan plan = host.MakePlan();
  EXPECT_EQ(
      Line(plan.command.argv, host, plan),
      "mpirun --allow-run-as-root --mca orte_abort_on_non_zero_status 1 --mca "
      "btl_vader_single_copy_mechanism none -x BERTH_RANK_SOCKET=SOCKET -np 1 -H algo-1 --mca "
      "btl_tcp_if_exclude lo --mca plm_rsh_no_tree_spawn 0 --bind-to core --npernode 1 --mca "
      "pml ucx -mca btl self -x 'A=1 2' /opt/berth rank");
  EXPECT_THAT(plan.ranks->kept, ElementsAre("A", "BERTH_RANK_SOCKET"));
  EXPECT_EQ(plan.ranks->variables.at("NCCL_DEBUG"), "WARN");
  EXPECT_FALSE(plan.several);
}

TEST(Mpi, TheJobsOwnVariablesWinOverOurs) {
  TestHost host = MpiHost();
  host.variables["NCCL_DEBUG"] = "VERSION";
  host.variables["NCCL_SOCKET_IFNAME"] = "eth7";
  const auto variables = host.MakePlan().ranks->variables;
  EXPECT_EQ(variables.at("NCCL_DEBUG"), "VERSION");
  EXPECT_EQ(variables.at("NCCL_SOCKET_IFNAME"), "eth7");
  EXPECT_EQ(variables.at("NCCL_MIN_NRINGS"), "4");
  EXPECT_EQ(variables.at("MASTER_ADDR"), "algo-1");
}

TEST(Mpi, AMachineOfAnotherNameGetsTheShim) {
  TestHost host = MpiHost();
  EXPECT_FALSE(host.MakePlan().command.variables.contains("LD_PRELOAD"));
  host.machine_name = "ip-10-0-0-1";
  host.variables["LD_PRELOAD"] = "/x.so";
  const Plan plan = host.MakePlan();
  const std::string preload = host.path("run/libberth_gethostname.so") + ":/x.so";
  EXPECT_EQ(plan.command.variables.at("LD_PRELOAD"), preload);
  EXPECT_EQ(plan.ranks->variables.at("LD_PRELOAD"), preload);
  EXPECT_TRUE(std::filesystem::exists(host.path("run/libberth_gethostname.so")));
}

TEST(Mpi, WithoutMpi4pyTheScriptRunsPlainly) {
  TestHost host = MpiHost();
  host.Python("");
  EXPECT_THAT(host.MakePlan().ranks->argv,
              ElementsAre(host.path("bin/python3"), "train.py", "--lr", "0 .1"));
  host.python.clear();
  host.command = {"./train.sh"};
  EXPECT_THAT(host.MakePlan().ranks->argv, ElementsAre("./train.sh"));
}

TEST(Mpi, MoreProcessesThanSlotsAreOneMessage) {
  TestHost host = MpiHost({"algo-1", "algo-2"});
  host.hyperparameters.Set("sagemaker_mpi_num_of_processes_per_host", "2");
  host.hyperparameters.Set("sagemaker_mpi_num_processes", "5");
  EXPECT_EQ(host.Error(),
            "sagemaker_mpi_num_processes asks for 5 processes, and the 2 host(s) have 4 slot(s): "
            "lower it, or raise sagemaker_mpi_num_of_processes_per_host");
  host.hyperparameters.Set("sagemaker_mpi_custom_mpi_options", "--oversubscribe");
  EXPECT_TRUE(host.Choose());
  host.hyperparameters.Set("sagemaker_mpi_custom_mpi_options", "-np 6");
  EXPECT_EQ(
      host.Error(),
      "-np in sagemaker_mpi_custom_mpi_options asks for 6 processes, and the 2 host(s) have 4 "
      "slot(s): lower it, or raise sagemaker_mpi_num_of_processes_per_host");
  host.hyperparameters.Set("sagemaker_mpi_custom_mpi_options", "");
  host.hyperparameters.Set("sagemaker_mpi_num_processes", "3");
  EXPECT_THAT(CommandOf(host, kWorkers), HasSubstr("--host algo-1:2,algo-2:4 -np 3 "));
}

TEST(Mpi, MissingProgramsAreOneMessageEach) {
  TestHost master = MpiHost({"algo-1", "algo-2"});
  std::filesystem::remove(master.path("bin/ssh"));
  EXPECT_EQ(master.Error(),
            "there is no `ssh` on the PATH, with which mpirun starts processes on the other hosts: "
            "install openssh-client and openssh-server in the image");
  std::filesystem::remove(master.path("bin/mpirun"));
  EXPECT_THAT(master.Error(), HasSubstr("there is no `mpirun` on the PATH: "));

  TestHost worker = MpiHost({"algo-1", "algo-2"}, 1);
  std::filesystem::remove(worker.path("bin/ssh-keygen"));
  EXPECT_EQ(worker.Error(),
            "there is no `ssh-keygen` on the PATH: install openssh-client in the image");
}

TEST(Mpi, AUserWhoCannotLogInIsOneMessage) {
  TestHost host = MpiHost({"algo-1", "algo-2"}, 1);
  ASSERT_TRUE(WriteFile(host.path("root/etc/passwd"), "other:x:99999:0::/:/bin/sh\n"));
  EXPECT_EQ(host.Error(), "user " + std::to_string(::geteuid()) +
                              " has no entry in /etc/passwd, and ssh serves only users with one: "
                              "add it in the image, or run the container as root");
  ASSERT_TRUE(WriteFile(host.path("root/etc/passwd"),
                        "me:x:" + std::to_string(::geteuid()) + ":0::/:/usr/sbin/nologin\n"));
  EXPECT_EQ(host.Error(),
            "the login shell of user \"me\" is \"/usr/sbin/nologin\", with which nothing can be "
            "started over ssh: set it to /bin/sh in the image's /etc/passwd");
}

TEST(Mpi, AnSshdThatCannotRunIsToldInItsWords) {
  TestHost host = MpiHost({"algo-1", "algo-2"}, 1);
  host.Program("sshd", "echo 'Privilege separation user sshd does not exist' >&2; exit 255\n");
  const auto prepared = host.Choose()->Prepare();
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().message(),
            "sshd (" + host.path("bin/sshd") +
                "), through which mpirun starts processes on this host, cannot run: Privilege "
                "separation user sshd does not exist; install openssh-server completely in the "
                "image");
}

TEST(Mpi, FactsOfAHostThatSayTooLittleNameIt) {
  const TestHost host = MpiHost({"algo-1", "algo-2"});
  const auto launcher = host.Choose();
  ASSERT_TRUE(launcher->Prepare());
  EXPECT_EQ(launcher->MakePlan({}).error().message(), "host \"algo-2\" did not say its slots");
  EXPECT_EQ(launcher->MakePlan({{"algo-2", {{"slots", 1}}}}).error().message(),
            "host \"algo-2\" did not say how its sshd is reached");
}

TEST(Mpi, ModelParallelJobsAreWrapped) {
  TestHost host = MpiHost();
  host.variables["SM_HP_MP_PARAMETERS"] = R"({"partitions": 2})";
  host.variables["SM_DLC_TORCH_VERSION"] = "2.1.0";
  host.smddpmprun = true;
  const auto ranks = host.MakePlan().ranks;
  ASSERT_TRUE(ranks);
  EXPECT_EQ(ranks->variables.at("NCCL_PROTO"), "simple");
  EXPECT_EQ(ranks->variables.at("NCCL_ALGO"), "ring");
  EXPECT_THAT(ranks->argv,
              ElementsAre("smddpmprun", "-i", "local", "--allow-bypass", host.path("bin/python3"),
                          "-m", "mpi4py", "train.py", "--lr", "0 .1"));
  host.variables["SM_HP_MP_PARAMETERS"] = R"({"ddp_dist_backend": "nccl"})";
  EXPECT_EQ(host.MakePlan().ranks->argv.front(), host.path("bin/python3"));
  host.variables["SM_HP_MP_PARAMETERS"] = "{";
  EXPECT_EQ(host.Error(), "the variable SM_HP_MP_PARAMETERS is \"{\": expected a JSON object");
}

TEST(Smddp, RunsItsWrapperWithItsVariables) {
  TestHost host({"algo-1", "algo-2"}, 0);
  host.hyperparameters.Set("sagemaker_distributed_dataparallel_enabled", "true");
  host.hyperparameters.Set("sagemaker_instance_type", "ml.p4d.24xlarge");
  host.Mpirun();
  host.OpenSsh();
  host.Python("mpi4py");
  host.gpus = 8;
  host.smddprun = true;
  const Plan plan = host.MakePlan(kWorkers);
  EXPECT_EQ(Line(plan.command.argv, host, plan),
            "mpirun --host algo-1:8,algo-2:4 -np 12 --allow-run-as-root --oversubscribe --mca "
            "btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 --mca plm_rsh_no_tree_spawn 1 "
            "--mca plm_rsh_num_concurrent 2 --mca plm_rsh_agent 'BIN/ssh -F RUN/ssh/config' --mca "
            "pml ob1 --mca btl '^openib' --mca orte_abort_on_non_zero_status 1 --mca "
            "btl_vader_single_copy_mechanism none -x BERTH_RANK_SOCKET=SOCKET /opt/berth rank");
  ASSERT_TRUE(plan.ranks);
  EXPECT_EQ(plan.ranks->argv.front(), "smddprun");
  const auto& variables = plan.ranks->variables;
  EXPECT_EQ(variables.at("SMDATAPARALLEL_USE_HOMOGENEOUS"), "1");
  EXPECT_EQ(variables.at("SMDATAPARALLEL_SERVER_ADDR"), "algo-1");
  EXPECT_EQ(variables.at("SMDATAPARALLEL_SERVER_PORT"), "7592");
  EXPECT_EQ(variables.at("SAGEMAKER_INSTANCE_TYPE"), "ml.p4d.24xlarge");
  EXPECT_EQ(variables.at("RDMAV_FORK_SAFE"), "1");
}

// With ":OVERSUBSCRIBE" alone the real one puts all ranks on the first host.
TEST(Smddp, OpenMpi5FillsOneHostAfterTheOther) {
  TestHost host;
  host.hyperparameters.Set("sagemaker_distributed_dataparallel_enabled", "true");
  host.Mpirun("mpirun (Open MPI) 5.0.11");
  host.Python("mpi4py");
  EXPECT_THAT(CommandOf(host), HasSubstr(" --map-by slot:OVERSUBSCRIBE --mca "));
}

TEST(Smddp, OneHostIsToldSo) {
  TestHost host;
  host.hyperparameters.Set("sagemaker_pytorch_ddp_enabled", "true");
  host.Mpirun();
  host.Python("mpi4py");
  const auto variables = host.MakePlan().ranks->variables;
  EXPECT_EQ(variables.at("SMDATAPARALLEL_USE_SINGLENODE"), "1");
  EXPECT_FALSE(variables.contains("SMDATAPARALLEL_SERVER_ADDR"));
}

}  // namespace
}  // namespace berth::launch
