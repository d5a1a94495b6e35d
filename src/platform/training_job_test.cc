// Whole jobs, each in a process of its own: what runs is /bin/sh.
#include "platform/training_job.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/descriptor.h"
#include "core/files.h"
#include "core/json.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Job : public testing::Test {
 protected:
  void SetUp() override {
    options_.output = root();
    options_.working_directory = folder_->path().string();
    options_.variables = {{"PATH", "/usr/bin:/bin"}};
    request_.document.Set("TrainingJobName", "n");
    ASSERT_TRUE(MakeDirectories(folder_->path() / "data"));
    ASSERT_TRUE(WriteFile(folder_->path() / "data" / "x", "content"));
  }

  fs::path root() { return folder_->path() / "job"; }
  std::string File(const char* name) { return ReadFile(root() / name).value_or("missing"); }
  std::string Log() { return File("logs/algo-1.log"); }
  std::string Terminal() { return ReadFile(folder_->path() / "terminal").value_or(""); }
  std::string Record(std::string_view key) {
    const auto record = json::Parse(File("job.json"));
    const json::Value* value = record ? record->AsObject()->Find(key) : nullptr;
    return value != nullptr && value->AsString() != nullptr ? *value->AsString() : "";
  }

  /// Starts a job that runs this script; Wait() gives the exit code. `before` runs in the process.
  void Start(const std::string& script, const std::function<void()>& before = {}) {
    ASSERT_TRUE(WriteFile(folder_->path() / "script", script));
    json::Object algorithm{
        {"ContainerEntrypoint", json::Array{"/bin/sh", (folder_->path() / "script").string()}}};
    algorithm.Set("MetricDefinitions",
                  json::Array{json::Object{{"Name", "loss"}, {"Regex", "loss=([0-9.]+)"}}});
    request_.document.Set("AlgorithmSpecification", std::move(algorithm));
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int terminal =
        ::open((folder_->path() / "terminal").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (terminal < 0 || ::dup2(terminal, STDERR_FILENO) < 0) ::_exit(77);
    options_.log_fd = terminal;
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_DFL);
    if (before) before();
    ::_exit(RunTrainingJob(request_, options_));
  }

  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int Run(const std::string& script, const std::function<void()>& before = {}) {
    Start(script, before);
    return Wait();
  }

  /// Blocks until the job has opened this FIFO for writing, then reads what it writes.
  std::string ReadFifo(const fs::path& path) { return ReadFile(path).value_or("failed"); }

  fs::path MakeFifo(const char* name) {
    const fs::path path = folder_->path() / name;
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-local");
  LocalOptions options_;
  TrainingJobRequest request_;
  pid_t pid_ = -1;
};

/// No namespaces for whoever comes from here, as some machines have it. Real: the kernel refuses.
void ForbidNamespaces() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) ::_exit(77);
  const auto write = [](const char* path, const std::string& text) {
    if (!WriteFile(path, text)) ::_exit(77);
  };
  write("/proc/self/setgroups", "deny");
  write("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1");
  write("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1");
  write("/proc/sys/user/max_user_namespaces", "0");
  write("/proc/sys/user/max_mnt_namespaces", "0");
}

bool NamespacesWork() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

/// What to call first in a process that is to have no namespaces.
std::function<void()> WithoutNamespaces() {
  if (NamespacesWork()) return ForbidNamespaces;
  return {};
}

TEST_F(Job, LeavesWhatThePlatformLeaves) {
  ASSERT_EQ(ApplyFlags({.channels = {"train=data"}, .environment = {"OWN=value"}},
                       folder_->path().string(), request_),
            std::vector<std::string>());
  const int code = Run(R"(
base=${SAGEMAKER_BASE_DIR:-/opt/ml}
cat $base/input/data/train/x; echo " $OWN $TRAINING_JOB_NAME"
echo loss=0.5; echo loss=0.25 >&2
echo weights > $base/model/weights; echo d > $base/output/data/d; echo c > $base/checkpoints/c
)");
  EXPECT_EQ(code, 0) << Terminal();
  EXPECT_EQ(Log(), "content value n\nloss=0.5\nloss=0.25\n");
  EXPECT_EQ(Record("TrainingJobStatus"), "Completed");
  EXPECT_THAT(File("metrics.json"), HasSubstr("\"Value\": 0.25"));
  EXPECT_EQ(File("checkpoints/c"), "c\n");
  EXPECT_TRUE(fs::exists(root() / "model.tar.gz"));
  EXPECT_TRUE(fs::exists(root() / "output.tar.gz"));
  EXPECT_FALSE(fs::exists(root() / ".work"));
  EXPECT_THAT(Terminal(), HasSubstr("loss  first 0.5  last 0.25"));
}

TEST_F(Job, RunsInAPlaceOfItsOwn) {
  if (!NamespacesWork()) GTEST_SKIP() << "no namespaces here";
  ASSERT_EQ(
      ApplyFlags({.channels = {"train=data", "file=data/x"}}, folder_->path().string(), request_),
      std::vector<std::string>());
  const int code = Run(R"sh(
test -z "$SAGEMAKER_BASE_DIR" || exit 3
(echo no > /opt/ml/input/data/train/x) 2> /dev/null && exit 4
(echo no > /opt/ml/input/data/file/x) 2> /dev/null && exit 5
test "$(cat /opt/ml/input/data/file/x)" = content || exit 6
echo "host $(cat /proc/sys/kernel/hostname) pid $$ $(cat /proc/1/comm)"
grep -q 'algo-1$' /etc/hosts || exit 7
echo opt:; ls /opt | grep -vx ml
exit 0
)sh");
  EXPECT_EQ(code, 0) << Terminal();
  std::string outside = "opt:\n";
  std::error_code none;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator("/opt", none)) {
    if (entry.path().filename() != "ml") names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) outside += name + "\n";
  EXPECT_THAT(Log(), HasSubstr("host algo-1 pid 1 sh\n"));
  EXPECT_THAT(Log(), HasSubstr(outside));
  EXPECT_EQ(*ReadFile(folder_->path() / "data/x"), "content");
}

TEST_F(Job, RunsWhereNamespacesAreForbiddenAndSaysSo) {
  ASSERT_EQ(ApplyFlags({.channels = {"train=data"}}, folder_->path().string(), request_),
            std::vector<std::string>());
  const int code =
      Run("cat $SAGEMAKER_BASE_DIR/input/data/train/x; echo c > $SAGEMAKER_BASE_DIR/checkpoints/c",
          WithoutNamespaces());
  EXPECT_EQ(code, 0) << Terminal();
  EXPECT_EQ(Log(), "content");
  EXPECT_EQ(File("checkpoints/c"), "c\n");
  EXPECT_THAT(Terminal(),
              testing::ContainsRegex("namespaces are not allowed here \\(.*\\): the job runs with "
                                     "SAGEMAKER_BASE_DIR="));
  EXPECT_EQ(*ReadFile(folder_->path() / "data/x"), "content");
}

TEST_F(Job, LeavesNobodyBehindWithoutNamespacesEither) {
  const std::string up = MakeFifo("up").string();
  const std::string held = MakeFifo("held").string();
  // Opened first: the background process opens it for writing only where there is a reader, and
  // reading ends when that process is gone.
  const Descriptor reader(::open(held.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const int code = Run("(setsid sh -c 'echo up > " + up + "; exec sleep 3600' > " + held +
                           " 2>&1 < /dev/null &)\ncat " + up + "; exit 0",
                       WithoutNamespaces());
  EXPECT_EQ(code, 0) << Terminal();
  EXPECT_EQ(Log(), "up\n");
  ASSERT_TRUE(SetNonBlocking(reader.get(), false));
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
}

TEST_F(Job, LeavesNobodyBehindWhenThePlatformIsKilled) {
  for (const bool namespaces : {true, false}) {
    options_.output = folder_->path() / (namespaces ? "with" : "without");
    const fs::path started = MakeFifo(namespaces ? "s1" : "s2");
    const fs::path held = MakeFifo(namespaces ? "h1" : "h2");
    Start("(setsid sleep 3600 > " + held.string() + " 2>&1 < /dev/null &)\necho up > " +
              started.string() + "\nsleep 3600",
          namespaces ? std::function<void()>() : WithoutNamespaces());
    // Opened first: the background process waits for a reader.
    const Descriptor reader(::open(held.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_EQ(ReadFifo(started), "up\n");
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(Wait(), -SIGKILL);
    ASSERT_TRUE(SetNonBlocking(reader.get(), false));
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
    EXPECT_FALSE(fs::exists(options_.output / "model.tar.gz"));
    EXPECT_FALSE(fs::exists(options_.output / "metrics.json"));
  }
}

TEST_F(Job, FailsWithTheReasonThatTheContainerGave) {
  const int code = Run("echo 'it broke' > ${SAGEMAKER_BASE_DIR:-/opt/ml}/output/failure; exit 3");
  EXPECT_EQ(code, 1);
  EXPECT_EQ(Record("TrainingJobStatus"), "Failed");
  EXPECT_EQ(Record("FailureReason"), "AlgorithmError: it broke, exit code: 3");
  EXPECT_TRUE(fs::exists(root() / "output.tar.gz"));
  EXPECT_FALSE(fs::exists(root() / "model.tar.gz"));
}

TEST_F(Job, FailsWithItsSignal) {
  EXPECT_EQ(Run("sh -c 'kill -KILL $$'"), 1);
  EXPECT_EQ(Record("FailureReason"),
            "AlgorithmError: the job left no /opt/ml/output/failure, exit code: 137");
}

TEST_F(Job, FailsWhereItCannotBeStarted) {
  Start("");
  Wait();
  fs::remove_all(root());
  request_.document.Set("AlgorithmSpecification",
                        json::Object{{"ContainerEntrypoint", json::Array{"no-such-program"}}});
  EXPECT_EQ(RunTrainingJob(request_, options_), 1);
  EXPECT_EQ(Record("FailureReason"),
            "AlgorithmError: cannot run \"no-such-program\": No such file or directory, exit code: "
            "127");
}

TEST_F(Job, StopsAsThePlatformDoes) {
  const fs::path fifo = MakeFifo("fifo");
  Start(
      "trap 'echo stopping; echo m > ${SAGEMAKER_BASE_DIR:-/opt/ml}/model/m; exit 0' TERM\n"
      "echo up > " +
      fifo.string() + "\nwhile :; do sleep 0.05; done");
  ReadFifo(fifo);
  ::kill(pid_, SIGINT);
  EXPECT_EQ(Wait(), 130);
  EXPECT_EQ(Log(), "stopping\n");
  EXPECT_EQ(Record("TrainingJobStatus"), "Stopped");
  EXPECT_EQ(Record("SecondaryStatus"), "Stopped");
  EXPECT_TRUE(fs::exists(root() / "model.tar.gz"));
  EXPECT_THAT(File("job.json"), HasSubstr("\"Stopping\""));
}

TEST_F(Job, KillsAJobThatDoesNotStop) {
  options_.stop_grace = std::chrono::milliseconds(50);
  const fs::path fifo = MakeFifo("fifo");
  Start("trap '' TERM\necho up > " + fifo.string() + "\nwhile :; do sleep 0.05; done");
  ReadFifo(fifo);
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 143);
  EXPECT_EQ(Record("TrainingJobStatus"), "Stopped");
  EXPECT_THAT(Terminal(), HasSubstr("did not end within"));
}

TEST_F(Job, KillsAtOnceWhenAskedAgain) {
  const fs::path fifo = MakeFifo("fifo");
  const fs::path again = MakeFifo("again");
  Start("trap 'echo stopping > " + again.string() + "' TERM\necho up > " + fifo.string() +
        "\nwhile :; do sleep 0.05; done");
  ReadFifo(fifo);
  ::kill(pid_, SIGINT);
  ReadFifo(again);
  ::kill(pid_, SIGINT);
  EXPECT_EQ(Wait(), 130);
  EXPECT_EQ(Record("TrainingJobStatus"), "Stopped");
}

TEST_F(Job, EndsAtItsLongestTime) {
  ASSERT_EQ(ApplyFlags({.max_runtime = 1}, "/", request_), std::vector<std::string>());
  EXPECT_EQ(Run("trap 'exit 9' TERM; while :; do sleep 0.05; done"), kExitMaxRuntime);
  EXPECT_EQ(Record("TrainingJobStatus"), "Stopped");
  EXPECT_EQ(Record("SecondaryStatus"), "MaxRuntimeExceeded");
}

TEST_F(Job, IgnoresASignalThatItsCallerIgnores) {
  const fs::path fifo = MakeFifo("fifo");
  const fs::path go = MakeFifo("go");
  Start("echo up > " + fifo.string() + "; cat " + go.string(), [] { ::signal(SIGHUP, SIG_IGN); });
  ReadFifo(fifo);
  ::kill(pid_, SIGHUP);
  ASSERT_TRUE(WriteFile(go, "went on\n"));
  EXPECT_EQ(Wait(), 0) << Terminal();
  EXPECT_EQ(Log(), "went on\n");
}

TEST_F(Job, PassesOnALogOfAnySizeAndKind) {
  const int code = Run("head -c 20000000 /dev/zero; printf 'end'");
  EXPECT_EQ(code, 0);
  EXPECT_EQ(fs::file_size(root() / "logs/algo-1.log"), 20000003U);
}

TEST_F(Job, IsRefusedWithAllItsProblems) {
  ASSERT_EQ(ApplyFlags({.channels = {"a=missing", "b=gone"}}, folder_->path().string(), request_),
            std::vector<std::string>());
  EXPECT_EQ(Run(""), kExitRefused);
  EXPECT_THAT(Terminal(), HasSubstr("channel \"a\""));
  EXPECT_THAT(Terminal(), HasSubstr("channel \"b\""));
  EXPECT_FALSE(fs::exists(root()));
}

TEST_F(Job, NeverOverwritesAnother) {
  ASSERT_TRUE(MakeDirectories(root()));
  ASSERT_TRUE(WriteFile(root() / "job.json", "precious"));
  EXPECT_EQ(Run("echo ran"), kExitRefused);
  EXPECT_EQ(File("job.json"), "precious");
  EXPECT_THAT(Terminal(), HasSubstr("ResourceInUse"));
}

TEST_F(Job, KeepsItsSecretsToItsOwner) {
  ASSERT_EQ(ApplyFlags({.hyperparameters = {"api_key=hush-hush"}}, "/", request_),
            std::vector<std::string>());
  EXPECT_EQ(Run(""), 0);
  struct stat about;
  ASSERT_EQ(::stat((root() / "job.json").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  EXPECT_THAT(File("job.json"), HasSubstr("hush-hush"));
  EXPECT_THAT(Terminal(), Not(HasSubstr("hush-hush")));
}

}  // namespace
}  // namespace berth::platform
