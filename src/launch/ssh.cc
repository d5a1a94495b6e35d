#include "launch/ssh.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "launch/settings.h"

namespace berth::launch {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kHelperDeadline{30};
constexpr std::string_view kRoom = "launch";
/// Longer lines of authorized_keys are not read by every sshd.
constexpr size_t kLongestKeyLine = 8000;

/// sshd is not on the PATH of most users.
std::string FindServer(const process::Variables& variables) {
  if (auto found = process::FindProgram("sshd", variables)) return *found;
  for (const char* path : {"/usr/sbin/sshd", "/usr/local/sbin/sshd"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

struct Account {
  std::string name;
  std::string home;
  std::string shell;
  bool locked = false;
};

/// This user's line of /etc/passwd: the C library's getpwuid() would load modules.
std::optional<Account> ReadAccount(const std::string& root) {
  const auto passwd = ReadFile(root + "/etc/passwd");
  if (!passwd) return std::nullopt;
  const std::string uid = std::to_string(::geteuid());
  std::optional<Account> account;
  for (const std::string& line : Split(*passwd, '\n')) {
    const auto fields = Split(line, ':');
    if (fields.size() < 7 || fields[2] != uid) continue;
    account = {.name = fields[0], .home = fields[5], .shell = fields[6], .locked = false};
    break;
  }
  if (!account) return account;
  const auto shadow = ReadFile(root + "/etc/shadow");
  if (!shadow) return account;
  for (const std::string& line : Split(*shadow, '\n')) {
    const auto fields = Split(line, ':');
    if (fields.size() > 1 && fields[0] == account->name)
      account->locked = fields[1].starts_with('!');
  }
  return account;
}

/// Paths of ours stand unquoted in ssh's files and in mpirun's options.
bool IsPlainPath(std::string_view path) {
  return std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+").contains(c);
  });
}

/// "TYPE BASE64" of a public key's line, without options or comment; empty where it is none.
std::string KeyOf(std::string_view line) {
  const auto words = Split(Trim(line), ' ');
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool type = words[i].starts_with("ssh-") || words[i].starts_with("ecdsa-") ||
                      words[i].starts_with("sk-");
    if (type && words[i + 1].starts_with("AAAA")) return words[i] + " " + words[i + 1];
  }
  return {};
}

/// The reason a helper gave, in one line.
std::string Why(const process::Outcome& outcome) {
  const std::string& text = outcome.start_error.empty() ? outcome.error_tail : outcome.start_error;
  std::string line = ToValidUtf8(Trim(text), 500);
  std::erase(line, '\r');
  std::ranges::replace(line, '\n', ';');
  return line;
}

/// A socket that is bound to the port and does not listen: sshd, which sets SO_REUSEADDR as this
/// does, can take the port, and the kernel gives it to nobody else. Port 0: any.
Result<Descriptor> HoldPort(uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno("cannot make a socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno(fmt::format("cannot use port {}", port));
  }
  return socket;
}

/// True where nobody listens there and we may.
bool CanListen(uint16_t port) {
  const auto socket = HoldPort(port);
  return socket && ::listen(socket->get(), 1) == 0;
}

Result<uint16_t> PortOf(const Descriptor& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return FailErrno("cannot ask for a socket's port");
  }
  return ntohs(address.sin_port);
}

/// The values of one setting in what `sshd -T` prints.
std::vector<std::string> Settings(std::string_view configuration, std::string_view name) {
  std::vector<std::string> values;
  for (const std::string& line : Split(configuration, '\n')) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ') {
      values.emplace_back(Trim(std::string_view(line).substr(name.size())));
    }
  }
  return values;
}

Result<std::string> TextFact(const json::Object& facts, std::string_view name) {
  const json::Value* value = facts.Find(name);
  const std::string* text = value == nullptr ? nullptr : value->AsString();
  if (text == nullptr || KeyOf(*text) != *text) return Fail(fmt::format("its {} is no key", name));
  return *text;
}

}  // namespace

std::string AuthorizedKey(std::string_view public_key, const process::Variables& exported) {
  // With SHLVL, bash takes the session for a shell within a shell, and does not run the image's
  // ~/.bashrc before each command: that takes time, may print, ask, wait or exit, and would change
  // the variables that follow.
  std::string line =
      "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty,environment=\"SHLVL=1\"";
  for (const auto& [name, value] : exported) {
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (name == "SHLVL" || !plain || value.find_first_of("\n\r\"\\") != std::string::npos) continue;
    const std::string option = fmt::format(",environment=\"{}={}\"", name, value);
    if (line.size() + option.size() + public_key.size() > kLongestKeyLine) {
      log::Warning(kRoom, "{} is too long for ssh: mpirun's helpers on this host do not get it",
                   name);
      continue;
    }
    line += option;
  }
  return fmt::format("{} {}\n", line, public_key);
}

Result<Ssh> Ssh::Find(const Surroundings& surroundings, bool master) {
  Ssh ssh;
  ssh.master_ = master;
  ssh.directory_ = surroundings.run_directory + "/ssh";
  if (!IsPlainPath(ssh.directory_)) {
    return Fail(
        fmt::format("the temporary directory {} has characters that ssh's configuration "
                    "cannot hold: set TMPDIR to a path of letters, digits and ._-+",
                    Quoted(surroundings.run_directory)));
  }
  ssh.variables_ = surroundings.command.variables;
  // A framework's own libcrypto under OpenSSH ends with a version mismatch.
  for (const char* name : {"LD_LIBRARY_PATH", "LD_PRELOAD"}) ssh.variables_.erase(name);

  if (master) {
    ssh.ssh_ = process::FindProgram("ssh", ssh.variables_).value_or("");
    if (ssh.ssh_.empty()) {
      return Fail(
          "there is no `ssh` on the PATH, with which mpirun starts processes on the other "
          "hosts: install openssh-client and openssh-server in the image");
    }
  } else {
    ssh.sshd_ = FindServer(ssh.variables_);
    if (ssh.sshd_.empty()) {
      return Fail(
          "there is no `sshd` on the PATH or in /usr/sbin, through which mpirun starts "
          "processes on this host: install openssh-client and openssh-server in the image");
    }
  }
  ssh.keygen_ = process::FindProgram("ssh-keygen", ssh.variables_).value_or("");
  if (ssh.keygen_.empty()) {
    return Fail("there is no `ssh-keygen` on the PATH: install openssh-client in the image");
  }

  const auto account = ReadAccount(surroundings.root);
  if (!account) {
    return Fail(
        fmt::format("user {} has no entry in /etc/passwd, and ssh serves only users with "
                    "one: add it in the image, or run the container as root",
                    ::geteuid()));
  }
  const std::string shell = account->shell.empty() ? "/bin/sh" : account->shell;
  if (shell.ends_with("/nologin") || shell.ends_with("/false") ||
      ::access(shell.c_str(), X_OK) != 0) {
    return Fail(
        fmt::format("the login shell of user {} is {}, with which nothing can be started "
                    "over ssh: set it to /bin/sh in the image's /etc/passwd",
                    Quoted(account->name), Quoted(shell)));
  }
  ssh.locked_account_ = account->locked;
  ssh.home_ = account->home;
  return ssh;
}

Result<process::Outcome> Ssh::Run(std::vector<std::string> argv) const {
  return process::Capture({std::move(argv), variables_, {}}, kHelperDeadline);
}

std::string Ssh::PublicKey(const std::string& key_file) const {
  const auto outcome = Run({keygen_, "-y", "-P", "", "-f", key_file});
  return outcome && outcome->ok() ? KeyOf(outcome->output_tail) : std::string();
}

Result<void> Ssh::MakeKey(const std::string& path) const {
  std::error_code error;
  if (fs::exists(path, error)) return {};
  BERTH_ASSIGN(const process::Outcome outcome, Run({keygen_, "-q", "-t", "ecdsa", "-b", "256", "-N",
                                                    "", "-C", "berth", "-f", path}));
  if (outcome.ok()) return {};
  return Fail(fmt::format("ssh-keygen cannot make a key in \"{}\": {}", path, Why(outcome)));
}

std::string Ssh::ImagesIdentity() const {
  const auto authorized = ReadFile(home_ + "/.ssh/authorized_keys");
  if (!authorized) return {};
  std::vector<std::string> keys;
  for (const std::string& line : Split(*authorized, '\n')) {
    if (!line.starts_with('#')) keys.push_back(KeyOf(line));
  }
  for (const char* name : {"id_rsa", "id_ecdsa", "id_ed25519"}) {
    const std::string file = home_ + "/.ssh/" + name;
    if (::access(file.c_str(), R_OK) != 0) continue;
    const std::string key = PublicKey(file);
    if (!key.empty() && std::ranges::find(keys, key) != keys.end()) return file;
  }
  return {};
}

Result<void> Ssh::Prepare(json::Object* facts) {
  BERTH_TRY(MakeDirectories(directory_));
  return master_ ? PrepareMaster(facts) : PrepareWorker(facts);
}

Result<void> Ssh::PrepareMaster(json::Object* facts) {
  identity_ = ImagesIdentity();
  if (identity_.empty()) {
    identity_ = directory_ + "/id";
    BERTH_TRY(MakeKey(identity_));
  } else {
    log::Info(kRoom, "ssh: the image's key {}", identity_);
  }
  const std::string key = PublicKey(identity_);
  if (key.empty()) return Fail(fmt::format("ssh-keygen cannot read its own key \"{}\"", identity_));
  facts->Set("ssh_public_key", key);
  return {};
}

Result<bool> Ssh::UseImagesServer(json::Object* facts) {
  if (ImagesIdentity().empty()) return false;
  const auto outcome = Run({sshd_, "-T"});
  if (!outcome || !outcome->ok()) return false;
  const auto ports = Settings(outcome->output_tail, "port");
  uint16_t port = 0;
  if (ports.empty()) return false;
  std::from_chars(ports[0].data(), ports[0].data() + ports[0].size(), port);
  if (port == 0 || !CanListen(port)) return false;
  for (const std::string& file : Settings(outcome->output_tail, "hostkey")) {
    const std::string key = PublicKey(file);
    if (key.empty()) continue;
    facts->Set("ssh_port", int{port});
    facts->Set("ssh_host_key", key);
    log::Info(kRoom, "ssh: the image's host keys and configuration, port {}", port);
    return true;
  }
  return false;
}

Result<void> Ssh::CheckServer() const {
  const std::vector<std::string> check = {sshd_, "-t", "-f", directory_ + "/sshd_config"};
  BERTH_ASSIGN(process::Outcome outcome, Run(check));
  constexpr std::string_view kMissing = "Missing privilege separation directory: ";
  const size_t at = outcome.error_tail.find(kMissing);
  if (!outcome.ok() && at != std::string::npos) {
    // An empty folder that only root may write to; installers leave it to init scripts, which
    // containers do not have.
    std::string_view folder = std::string_view(outcome.error_tail).substr(at + kMissing.size());
    folder = Trim(folder.substr(0, folder.find('\n')));
    BERTH_TRY(MakeDirectories(fs::path(folder)));
    ::chmod(std::string(folder).c_str(), 0755);
    BERTH_ASSIGN(outcome, Run(check));
  }
  if (outcome.ok()) return {};
  return Fail(
      fmt::format("sshd ({}), through which mpirun starts processes on this host, cannot "
                  "run: {}; install openssh-server completely in the image",
                  sshd_, Why(outcome)));
}

Result<void> Ssh::PrepareWorker(json::Object* facts) {
  BERTH_TRY(WriteFile(directory_ + "/authorized_keys", "", 0600));
  BERTH_ASSIGN(images_server_, UseImagesServer(facts));
  if (images_server_) return {};
  const std::string host_key = directory_ + "/host_key";
  BERTH_TRY(MakeKey(host_key));
  BERTH_ASSIGN(port_holder_, HoldPort(0));
  BERTH_ASSIGN(const uint16_t port, PortOf(port_holder_));
  // StrictModes would refuse every path below the world-writable /tmp; ours is 0700.
  std::string text = fmt::format(
      "Port {1}\n"
      "HostKey {0}/host_key\n"
      "PidFile {0}/sshd.pid\n"
      "AuthorizedKeysFile {0}/authorized_keys\n"
      "StrictModes no\n"
      "PermitUserEnvironment yes\n"
      "PermitRootLogin yes\n"
      "PubkeyAuthentication yes\n"
      "PasswordAuthentication no\n"
      "ChallengeResponseAuthentication no\n"
      "AllowTcpForwarding no\n"
      "X11Forwarding no\n"
      "PrintMotd no\n"
      "UseDNS no\n"
      "MaxStartups 1000\n"
      "LogLevel ERROR\n",
      directory_, port);
  // Without PAM, sshd lets no locked account in, whatever key it has.
  if (locked_account_) text += "UsePAM yes\n";
  BERTH_TRY(WriteFile(directory_ + "/sshd_config", text, 0600));
  BERTH_TRY(CheckServer());
  facts->Set("ssh_port", int{port});
  facts->Set("ssh_host_key", PublicKey(host_key));
  return {};
}

Result<process::Command> Ssh::Server(const json::Object& master_facts,
                                     const process::Variables& exported) {
  BERTH_ASSIGN(const std::string key, TextFact(master_facts, "ssh_public_key"));
  BERTH_TRY(WriteFile(directory_ + "/authorized_keys", AuthorizedKey(key, exported), 0600));
  std::error_code none;
  fs::remove(ready_file(), none);
  process::Command command{.argv = {sshd_, "-D", "-e"}, .variables = variables_, .directory = {}};
  if (images_server_) {
    for (const std::string& option :
         {"PidFile=" + ready_file(), "AuthorizedKeysFile=" + directory_ + "/authorized_keys",
          std::string("PermitUserEnvironment=yes"), std::string("StrictModes=no"),
          std::string("LogLevel=ERROR")}) {
      command.argv.insert(command.argv.end(), {"-o", option});
    }
  } else {
    command.argv.insert(command.argv.end(), {"-f", directory_ + "/sshd_config"});
  }
  return command;
}

Result<std::string> Ssh::WriteClientConfiguration(const Facts& facts) {
  std::string known, text;
  for (const auto& [host, fact] : facts) {
    const auto key = TextFact(fact, "ssh_host_key");
    const json::Value* value = fact.Find("ssh_port");
    const json::Integer* port = value == nullptr ? nullptr : value->AsInteger();
    if (!key || port == nullptr) {
      return Fail(fmt::format("host {} did not say how its sshd is reached", Quoted(host)));
    }
    known += fmt::format("{} {}\n", host, *key);
    text += fmt::format("Host {0}\n  Port {1}\n  HostKeyAlias {0}\n", host, port->digits);
  }
  text += fmt::format(
      "Host *\n"
      "  IdentityFile {1}\n"
      "  IdentitiesOnly yes\n"
      "  UserKnownHostsFile {0}/known_hosts\n"
      "  GlobalKnownHostsFile /dev/null\n"
      "  StrictHostKeyChecking yes\n"
      "  CheckHostIP no\n"
      "  BatchMode yes\n"
      "  ConnectTimeout 30\n"
      "  LogLevel ERROR\n",
      directory_, identity_);
  BERTH_TRY(WriteFile(directory_ + "/known_hosts", known, 0600));
  std::string path = directory_ + "/config";
  BERTH_TRY(WriteFile(path, text, 0600));
  return path;
}

}  // namespace berth::launch
