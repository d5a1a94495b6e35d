#include "storage/runtime.h"

#include <aws/auth/auth.h>
#include <aws/common/allocator.h>
#include <aws/common/error.h>
#include <aws/io/channel.h>
#include <aws/io/channel_bootstrap.h>
#include <aws/io/event_loop.h>
#include <aws/io/host_resolver.h>
#include <aws/io/tls_channel_handler.h>
#include <fmt/format.h>
#include <malloc.h>
#include <nss.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <csignal>

namespace berth::storage {
namespace {

// What is read from or written to a socket at once. The runtime's own 16 KiB cost a turn of the
// event loop each: 65,536 of them for a GiB.
constexpr size_t kPortion = size_t{128} << 10;

// Once in a process, for good: the library is not made to be taken down while threads of an
// abandoned request may still be in it.
void InitializeLibrary() {
  static const bool done = [] {
#ifdef BERTH_STATIC
    // A static libc has the "files" and "dns" services in it. Any other that nsswitch.conf names
    // would be loaded from the image, built for another libc, and crash.
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
    __nss_configure_lookup("services", "files");
#endif
    // Buffers of megabytes come and go in twenty threads. Left to itself glibc gives each thread an
    // arena and keeps there what was freed: three times the memory that is in use. Buffers below
    // the threshold are used again; mapped anew each time they cost more than the transfer.
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    // libcrypto would take itself apart at exit() below the feet of those threads.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    aws_auth_library_init(aws_default_allocator());
    g_aws_channel_max_fragment_size = kPortion;
    return true;
  }();
  static_cast<void>(done);
}

// Two keep a 10 Gbit/s link busy; each costs a thread and its buffers.
constexpr uint16_t kEventLoops = 2;

}  // namespace

struct SignalsBlocked::Mask {
  sigset_t set;
};

SignalsBlocked::SignalsBlocked() : before_(std::make_unique<Mask>()) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_->set);
}

SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &before_->set, nullptr);
}

Runtime::Runtime(std::string ca_file, std::string ca_directory)
    : ca_file_(std::move(ca_file)), ca_directory_(std::move(ca_directory)) {}

Result<std::shared_ptr<Runtime>> Runtime::Start(const Settings& settings) {
  const SignalsBlocked blocked;
  // s2n would abort the process.
  if (::access("/dev/urandom", R_OK) != 0) {
    return FailErrno("cannot start the client for S3: cannot read /dev/urandom");
  }
  InitializeLibrary();
  std::shared_ptr<Runtime> runtime(new Runtime(settings.ca_file, settings.ca_directory));
  aws_allocator* const allocator = aws_default_allocator();

  runtime->loops_ = aws_event_loop_group_new_default(allocator, kEventLoops, nullptr);
  if (runtime->loops_ == nullptr) {
    return Fail(
        fmt::format("cannot start the event loops for S3: {}", RuntimeError(aws_last_error())));
  }
  const aws_host_resolver_default_options resolver{.max_entries = 64,
                                                   .el_group = runtime->loops_,
                                                   .shutdown_options = nullptr,
                                                   .system_clock_override_fn = nullptr};
  runtime->resolver_ = aws_host_resolver_new_default(allocator, &resolver);
  const aws_client_bootstrap_options bootstrap{.event_loop_group = runtime->loops_,
                                               .host_resolver = runtime->resolver_,
                                               .host_resolution_config = nullptr,
                                               .on_shutdown_complete = nullptr,
                                               .user_data = nullptr};
  runtime->bootstrap_ = aws_client_bootstrap_new(allocator, &bootstrap);
  if (runtime->bootstrap_ == nullptr) {
    return Fail(fmt::format("cannot start the client for S3: {}", RuntimeError(aws_last_error())));
  }
  return runtime;
}

Runtime::~Runtime() {
  aws_tls_ctx_release(tls_);
  aws_client_bootstrap_release(bootstrap_);
  aws_host_resolver_release(resolver_);
  aws_event_loop_group_release(loops_);
}

Result<aws_tls_ctx*> Runtime::Tls() {
  const std::lock_guard lock(mutex_);
  if (tls_ != nullptr) return tls_;
  aws_tls_ctx_options options;
  aws_tls_ctx_options_init_default_client(&options, aws_default_allocator());
  bool ready = true;
  if (!ca_file_.empty() || !ca_directory_.empty()) {
    ready = aws_tls_ctx_options_override_default_trust_store_from_path(
                &options, ca_directory_.empty() ? nullptr : ca_directory_.c_str(),
                ca_file_.empty() ? nullptr : ca_file_.c_str()) == AWS_OP_SUCCESS;
  }
  if (ready) tls_ = aws_tls_client_ctx_new(aws_default_allocator(), &options);
  const int error = aws_last_error();
  aws_tls_ctx_options_clean_up(&options);
  if (tls_ != nullptr) return tls_;
  const std::string& named = ca_file_.empty() ? ca_directory_ : ca_file_;
  if (!named.empty()) {
    return Fail(
        fmt::format("cannot read the certificate authorities in \"{}\" ({}): it must hold "
                    "PEM certificates; it is named by AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, "
                    "CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR",
                    named, RuntimeError(error)));
  }
  return Fail(
      fmt::format("cannot load the system's certificate authorities ({}): install the "
                  "image's ca-certificates package, or name a PEM file in AWS_CA_BUNDLE",
                  RuntimeError(error)));
}

std::string RuntimeError(int code) {
  return fmt::format("{}: {}", aws_error_name(code), aws_error_str(code));
}

}  // namespace berth::storage
