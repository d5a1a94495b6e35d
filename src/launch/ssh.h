// How MPI's master starts processes on the other hosts: OpenSSH, with a key and a configuration of
// this job's own, in a private directory. Nothing is written under /etc or ~/.ssh.
//
// The master's public key reaches the workers, and their host keys and ports the master, as facts
// over the berths' own authenticated link: so no host is trusted on first use, and the workers let
// in nobody but the master.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/json.h"
#include "launch/launcher.h"

namespace berth::launch {

/// Where the image has a complete set (host keys that `sshd -T` takes, a port that we may listen
/// on, and a ~/.ssh/id_* whose public key is in ~/.ssh/authorized_keys), its keys, its sshd_config
/// and its port are used; only which key is let in, and with which variables, is ours then.
class Ssh {
 public:
  /// Finds the programs, ssh on the master, sshd on a worker, and checks that this user can log in.
  /// The error is for the user, with the remedy.
  [[nodiscard]] static Result<Ssh> Find(const Surroundings& surroundings, bool master);

  /// Makes what is missing of keys and configuration, and adds this host's facts: the master's
  /// "ssh_public_key", a worker's "ssh_port" and "ssh_host_key".
  [[nodiscard]] Result<void> Prepare(json::Object* facts);

  /// On a worker: lets the master's key in, and returns the sshd to run. `exported` are the
  /// variables that its sessions get.
  [[nodiscard]] Result<process::Command> Server(const json::Object& master_facts,
                                                const process::Variables& exported);
  /// sshd listens once this file is there.
  std::string ready_file() const { return directory_ + "/sshd.pid"; }

  /// On the master: writes the configuration with which `ssh -F <it> HOST` reaches each host of
  /// `facts`; returns its path.
  [[nodiscard]] Result<std::string> WriteClientConfiguration(const Facts& facts);
  /// The file of the ssh program; on the master.
  const std::string& client() const { return ssh_; }

 private:
  Ssh() = default;

  [[nodiscard]] Result<void> PrepareMaster(json::Object* facts);
  [[nodiscard]] Result<void> PrepareWorker(json::Object* facts);
  [[nodiscard]] Result<bool> UseImagesServer(json::Object* facts);
  [[nodiscard]] Result<void> CheckServer() const;
  std::string ImagesIdentity() const;
  std::string PublicKey(const std::string& key_file) const;
  [[nodiscard]] Result<void> MakeKey(const std::string& path) const;
  [[nodiscard]] Result<process::Outcome> Run(std::vector<std::string> argv) const;

  bool master_ = false;
  std::string directory_;
  std::string home_;
  /// As the script's, less what makes the system's programs load the image's libraries.
  process::Variables variables_;
  std::string ssh_, sshd_, keygen_;
  bool locked_account_ = false;
  /// The sshd uses the image's configuration.
  bool images_server_ = false;
  std::string identity_;
  /// Holds the port (bound, not listening) until sshd listens on it.
  Descriptor port_holder_;
};

/// A line of authorized_keys that lets `public_key` in and gives its sessions the variables; one
/// that cannot be written there is left out.
std::string AuthorizedKey(std::string_view public_key, const process::Variables& exported);

}  // namespace berth::launch
