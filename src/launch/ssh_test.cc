#include "launch/ssh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::HasSubstr;

constexpr const char* kHead =
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty,environment=\"SHLVL=1\"";

TEST(AuthorizedKey, GivesSessionsTheirVariables) {
  EXPECT_EQ(
      AuthorizedKey("ssh-ed25519 AAAA", {{"A", "1 2"}, {"PATH", "/x:/y"}}),
      std::string(kHead) + ",environment=\"A=1 2\",environment=\"PATH=/x:/y\" ssh-ed25519 AAAA\n");
}

// The ~/.bashrc of an image started a tool that waited for a lock: each mpirun took a minute.
TEST(AuthorizedKey, KeepsTheImagesBashrcOutOfSessions) {
  EXPECT_EQ(AuthorizedKey("k", {{"SHLVL", "0"}}), std::string(kHead) + " k\n");
  const TestHost host;
  ASSERT_TRUE(MakeDirectories(host.path("home")));
  ASSERT_TRUE(WriteFile(host.path("home/.bashrc"), "echo from .bashrc\n"));
  for (const auto& [level, printed] :
       {std::pair{"SHLVL=0", "from .bashrc\nran\n"}, std::pair{"SHLVL=1", "ran\n"}}) {
    const auto outcome =
        process::Capture({.argv = {"/usr/bin/env", "-i", "HOME=" + host.path("home"),
                                   "SSH_CLIENT=::1 1 2", level, "/bin/bash", "-c", "echo ran"},
                          .variables = {},
                          .directory = {}},
                         std::chrono::seconds(60));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->output_tail, printed) << level;
  }
}

TEST(AuthorizedKey, LeavesOutWhatItCannotHold) {
  EXPECT_EQ(AuthorizedKey("k", {{"A", "a\"b"}, {"B", "a\nb"}, {"C", "a\\"}, {"D.E", "x"}}),
            std::string(kHead) + " k\n");
  EXPECT_EQ(AuthorizedKey("k", {{"A", std::string(9000, 'a')}, {"B", "b"}}),
            std::string(kHead) + ",environment=\"B=b\" k\n");
}

TEST(Ssh, TheImagesCompleteSetIsUsed) {
  TestHost host({"algo-1", "algo-2"});
  host.OpenSsh();
  ASSERT_TRUE(MakeDirectories(host.path("home/.ssh")));
  ASSERT_TRUE(WriteFile(host.path("home/.ssh/id_rsa"), "a key"));
  ASSERT_TRUE(
      WriteFile(host.path("home/.ssh/authorized_keys"),
                "# ecdsa-sha2-nistp256 AAAAother\nno-pty ecdsa-sha2-nistp256 AAAAid_rsa x\n"));
  // Some port that nobody listens on.
  host.Program("sshd", "[ \"$1\" = -T ] && echo 'port 49151' && echo 'hostkey /etc/ssh/h_key'\n");

  auto master = Ssh::Find(host.surroundings(), true);
  ASSERT_TRUE(master);
  json::Object facts;
  ASSERT_TRUE(master->Prepare(&facts));
  EXPECT_EQ(json::Dump(facts), R"({"ssh_public_key":"ecdsa-sha2-nistp256 AAAAid_rsa"})");
  ASSERT_TRUE(master->WriteClientConfiguration({}));
  EXPECT_THAT(*ReadFile(host.path("run/ssh/config")),
              HasSubstr("IdentityFile " + host.path("home/.ssh/id_rsa") + "\n"));

  auto worker = Ssh::Find(host.surroundings(), false);
  ASSERT_TRUE(worker);
  json::Object worker_facts;
  ASSERT_TRUE(worker->Prepare(&worker_facts));
  EXPECT_EQ(json::Dump(worker_facts),
            R"({"ssh_host_key":"ecdsa-sha2-nistp256 AAAAh_key","ssh_port":49151})");
  const auto command = worker->Server(facts, {});
  ASSERT_TRUE(command);
  EXPECT_EQ(ShellQuoted(command->argv),
            ShellQuoted(std::vector<std::string>{
                host.path("bin/sshd"), "-D", "-e", "-o", "PidFile=" + host.path("run/ssh/sshd.pid"),
                "-o", "AuthorizedKeysFile=" + host.path("run/ssh/authorized_keys"), "-o",
                "PermitUserEnvironment=yes", "-o", "StrictModes=no", "-o", "LogLevel=ERROR"}));
}

TEST(Ssh, AnIncompleteSetIsNot) {
  TestHost host({"algo-1", "algo-2"});
  host.OpenSsh();
  ASSERT_TRUE(MakeDirectories(host.path("home/.ssh")));
  ASSERT_TRUE(WriteFile(host.path("home/.ssh/id_rsa"), "a key"));
  ASSERT_TRUE(WriteFile(host.path("home/.ssh/authorized_keys"), "ecdsa-sha2-nistp256 AAAAother\n"));
  auto master = Ssh::Find(host.surroundings(), true);
  ASSERT_TRUE(master);
  json::Object facts;
  ASSERT_TRUE(master->Prepare(&facts));
  EXPECT_EQ(json::Dump(facts), R"({"ssh_public_key":"ecdsa-sha2-nistp256 AAAAid"})");
}

TEST(Ssh, APathThatItsFilesCannotHoldIsAnError) {
  TestHost host;
  host.OpenSsh();
  Surroundings surroundings = host.surroundings();
  surroundings.run_directory = "/tmp/with blank";
  const auto ssh = Ssh::Find(surroundings, true);
  ASSERT_FALSE(ssh);
  EXPECT_EQ(ssh.error().message(),
            "the temporary directory \"/tmp/with blank\" has characters that ssh's configuration "
            "cannot hold: set TMPDIR to a path of letters, digits and ._-+");
}

}  // namespace
}  // namespace berth::launch
