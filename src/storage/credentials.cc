#include "storage/credentials.h"

#include <aws/auth/aws_imds_client.h>
#include <aws/auth/credentials.h>
#include <aws/common/allocator.h>
#include <aws/common/string.h>
#include <aws/io/retry_strategy.h>
#include <aws/sdkutils/aws_profile.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <tuple>

#include "core/log.h"
#include "storage/credential_process.h"
#include "storage/event.h"

namespace berth::storage {
namespace {

using std::chrono::steady_clock;

constexpr const char* kSso = "profile's SSO session";
constexpr std::chrono::minutes kRefreshBefore{5};
// Where a refresh fails and the old ones are still valid, ask again no sooner than this.
constexpr std::chrono::seconds kAskAgain{30};
// The machine's metadata service answers at once or is not there at all.
constexpr std::chrono::seconds kMetadataTimeout{6};

aws_byte_cursor Cursor(const std::string& text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Shared by the thread that asks and the provider's, whichever lives longer.
struct Answer {
  explicit Answer(Event when) : done(std::move(when)) {}
  Event done;
  std::mutex mutex;
  aws_credentials* credentials = nullptr;
  int error = 0;
  ~Answer() { aws_credentials_release(credentials); }
};

void OnCredentials(aws_credentials* credentials, int error, void* user_data) {
  const std::unique_ptr<std::shared_ptr<Answer>> answer(
      static_cast<std::shared_ptr<Answer>*>(user_data));
  {
    const std::lock_guard lock((*answer)->mutex);
    (*answer)->error = credentials == nullptr && error == 0 ? AWS_ERROR_UNKNOWN : error;
    (*answer)->credentials = credentials;
    if (credentials != nullptr) aws_credentials_acquire(credentials);
  }
  (*answer)->done.Set();
}

// Calls `use` with the profile in use, from the configuration and the file of credentials, or with
// null where neither has one of its name.
void WithProfile(const std::function<void(const aws_profile*, const std::string& name)>& use) {
  aws_allocator* const allocator = aws_default_allocator();
  aws_string* config_path = aws_get_config_file_path(allocator, nullptr);
  aws_string* credentials_path = aws_get_credentials_file_path(allocator, nullptr);
  aws_string* name = aws_get_profile_name(allocator, nullptr);
  const auto load = [&](aws_string* path, aws_profile_source_type type) {
    return path != nullptr ? aws_profile_collection_new_from_file(allocator, path, type) : nullptr;
  };
  aws_profile_collection* config = load(config_path, AWS_PST_CONFIG);
  aws_profile_collection* credentials = load(credentials_path, AWS_PST_CREDENTIALS);
  aws_profile_collection* both =
      aws_profile_collection_new_from_merge(allocator, config, credentials);
  if (name != nullptr) {
    use(both != nullptr ? aws_profile_collection_get_profile(both, name) : nullptr,
        aws_string_c_str(name));
  }
  for (aws_profile_collection* each : {config, credentials, both}) {
    aws_profile_collection_release(each);
  }
  for (aws_string* each : {config_path, credentials_path, name}) aws_string_destroy(each);
}

// "" where the profile has none.
std::string ProfileProperty(const char* property_name) {
  std::string text;
  WithProfile([&](const aws_profile* profile, const std::string&) {
    if (profile == nullptr) return;
    aws_string* wanted = aws_string_new_from_c_str(aws_default_allocator(), property_name);
    const aws_profile_property* property = aws_profile_get_property(profile, wanted);
    if (property != nullptr) text = aws_string_c_str(aws_profile_property_get_value(property));
    aws_string_destroy(wanted);
  });
  return text;
}

// The profile's name, where somebody chose one that does not exist.
std::optional<std::string> MissingProfile() {
  std::optional<std::string> missing;
  WithProfile([&](const aws_profile* profile, const std::string& name) {
    if (profile == nullptr && name != "default") missing = name;
  });
  return missing;
}

// What to do where the profile's SSO session gives nothing.
std::string SsoAdvice(const Error& error) {
  std::string profile;
  WithProfile([&](const aws_profile*, const std::string& name) { profile = name; });
  return fmt::format("{}: log in with \"aws sso login --profile {}\"", error.message(), profile);
}

// The command that gives the profile's credentials, where nothing else of it does.
std::string ProfileCommand() {
  for (const char* stronger : {"role_arn", "aws_access_key_id", "aws_secret_access_key"}) {
    if (!ProfileProperty(stronger).empty()) return {};
  }
  return ProfileProperty("credential_process");
}

Credentials FromPrinted(const PrintedCredentials& printed, const std::string& source) {
  Credentials credentials;
  credentials.value.reset(
      aws_credentials_new(aws_default_allocator(), Cursor(printed.access_key_id),
                          Cursor(printed.secret_access_key), Cursor(printed.session_token),
                          UINT64_MAX),
      aws_credentials_release);
  credentials.source = source;
  credentials.expires = printed.expires;
  return credentials;
}

}  // namespace

struct CredentialsChain::Source {
  std::string name;
  aws_credentials_provider* provider = nullptr;
  std::chrono::milliseconds timeout;

  ~Source() { aws_credentials_provider_release(provider); }

  Result<Credentials> Ask(steady_clock::time_point deadline, const Cancellation* cancel) {
    BERTH_ASSIGN(Event done, Event::Make());
    const auto answer = std::make_shared<Answer>(std::move(done));
    auto handle = std::make_unique<std::shared_ptr<Answer>>(answer);
    {
      const SignalsBlocked blocked;
      if (aws_credentials_provider_get_credentials(provider, OnCredentials, handle.get()) !=
          AWS_OP_SUCCESS) {
        return Fail(RuntimeError(aws_last_error()));
      }
    }
    std::ignore = handle.release();  // OnCredentials deletes it
    switch (answer->done.Wait(std::min(deadline, steady_clock::now() + timeout), cancel)) {
      case Woken::kCancelled:
        return Fail("cancelled", ECANCELED);
      case Woken::kDeadline:
        return Fail("no answer in time", ETIMEDOUT);
      case Woken::kSet:
        break;
    }
    const std::lock_guard lock(answer->mutex);
    if (answer->credentials == nullptr) return Fail(RuntimeError(answer->error));
    Credentials credentials;
    aws_credentials_acquire(answer->credentials);
    credentials.value.reset(answer->credentials, aws_credentials_release);
    credentials.source = name;
    const uint64_t expires = aws_credentials_get_expiration_timepoint_seconds(answer->credentials);
    if (expires != UINT64_MAX && expires != 0) {
      credentials.expires = std::chrono::system_clock::time_point(
          std::chrono::seconds(static_cast<int64_t>(expires)));
    }
    return credentials;
  }
};

CredentialsChain::CredentialsChain(std::shared_ptr<Runtime> runtime, Settings settings)
    : runtime_(std::move(runtime)), settings_(std::move(settings)) {}

CredentialsChain::~CredentialsChain() = default;

Result<Credentials> CredentialsChain::Get(const Cancellation* cancel) {
  using std::chrono::system_clock;
  const auto fresh = [&]() -> std::optional<Credentials> {
    const std::lock_guard lock(mutex_);
    if (!current_ || !current_->expires) return current_;
    const auto now = system_clock::now();
    const bool soon = *current_->expires - kRefreshBefore <= now;
    if (soon && (*current_->expires <= now || steady_clock::now() >= ask_after_)) {
      return std::nullopt;
    }
    return current_;
  };
  if (auto have = fresh()) return *have;

  // The one that asks obeys its own cancellation; the others look for theirs now and then.
  std::unique_lock asking(asking_, std::defer_lock);
  const auto until = steady_clock::now() + settings_.credentials_timeout;
  while (!asking.try_lock_for(std::chrono::milliseconds(200))) {
    if (cancel != nullptr && cancel->cancelled()) return Fail("cancelled", ECANCELED);
    if (steady_clock::now() > until) return Fail("no credentials in time", ETIMEDOUT);
  }
  if (auto have = fresh()) return *have;

  auto found = Ask(cancel);
  const std::lock_guard lock(mutex_);
  if (found) {
    current_ = *found;
    return found;
  }
  if (current_ && current_->expires && *current_->expires > system_clock::now() &&
      found.error().system_error() != ECANCELED) {
    log::Warning("storage", "keeping the credentials from the {}, which expire soon: {}",
                 current_->source, found.error().message());
    ask_after_ = steady_clock::now() + kAskAgain;
    return *current_;
  }
  return found;
}

void CredentialsChain::Refuse(const Credentials& used) {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->value == used.value) current_.reset();
}

Result<Credentials> CredentialsChain::Ask(const Cancellation* cancel) {
  aws_allocator* const allocator = aws_default_allocator();
  const auto deadline = steady_clock::now() + settings_.credentials_timeout;
  std::string failures;
  const auto failed = [&](std::string_view source, const Error& error) {
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", source, error.message());
  };
  // Providers are made anew each time: files and variables may have appeared since.
  const auto ask = [&](std::string name, aws_credentials_provider* provider,
                       std::chrono::milliseconds timeout) -> std::optional<Result<Credentials>> {
    if (provider == nullptr) return std::nullopt;  // this source is not configured
    Source source{std::move(name), provider, timeout};
    auto found = source.Ask(deadline, cancel);
    if (found || found.error().system_error() == ECANCELED) return found;
    failed(source.name, source.name == kSso ? Error(SsoAdvice(found.error())) : found.error());
    return std::nullopt;
  };
  const std::chrono::milliseconds patience = settings_.credentials_timeout;

  if (!settings_.access_key_id.empty()) {
    aws_credentials_provider_static_options options{};
    options.access_key_id = Cursor(settings_.access_key_id);
    options.secret_access_key = Cursor(settings_.secret_access_key);
    options.session_token = Cursor(settings_.session_token);
    if (auto found = ask("environment variables",
                         aws_credentials_provider_new_static(allocator, &options), patience)) {
      return *found;
    }
  }

  if (const auto missing = MissingProfile()) {
    failed("profile", Error(fmt::format("\"{}\" is neither in ~/.aws/config nor in "
                                        "~/.aws/credentials (AWS_CONFIG_FILE and "
                                        "AWS_SHARED_CREDENTIALS_FILE name others)",
                                        *missing)));
  }

  // The runtime's provider for profiles would run it, too, and without limit.
  const std::string command = ProfileCommand();

  // What follows may talk to servers of AWS, and so needs their certificates.
  aws_tls_ctx* tls = nullptr;
  if (auto context = runtime_->Tls()) {
    tls = *context;
  } else {
    failed("certificates", context.error());
  }
  proxy_env_var_settings proxies{};
  proxies.env_var_type = AWS_HPEV_ENABLE;

  if (tls != nullptr) {
    if (!Variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) {
      aws_credentials_provider_sts_web_identity_options options{};
      options.bootstrap = runtime_->bootstrap();
      options.tls_ctx = tls;
      options.proxy_ev_settings = &proxies;
      options.region = Cursor(settings_.region);
      auto* provider = aws_credentials_provider_new_sts_web_identity(allocator, &options);
      if (provider == nullptr) {
        failed("web identity", Error("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN or the "
                                     "region (AWS_REGION) is not"));
      }
      if (auto found = ask("web identity token", provider, patience)) return *found;
    }
    if (command.empty()) {
      aws_credentials_provider_profile_options options{};
      options.bootstrap = runtime_->bootstrap();
      options.tls_ctx = tls;
      options.proxy_ev_settings = &proxies;
      if (auto found =
              ask("profile", aws_credentials_provider_new_profile(allocator, &options), patience)) {
        return *found;
      }
    }
  }
  if (!command.empty()) {
    const std::string name = "profile's credential_process";
    auto printed = RunCredentialProcess(command, deadline, cancel);
    if (printed) return FromPrinted(*printed, name);
    if (printed.error().system_error() == ECANCELED) return Fail(printed.error());
    failed(name, printed.error());
  }
  if (tls != nullptr) {
    aws_credentials_provider_sso_options sso{};
    sso.bootstrap = runtime_->bootstrap();
    sso.tls_ctx = tls;
    sso.proxy_ev_settings = &proxies;
    if (auto found = ask(kSso, aws_credentials_provider_new_sso(allocator, &sso), patience)) {
      return *found;
    }
    aws_credentials_provider_ecs_environment_options container{};
    container.bootstrap = runtime_->bootstrap();
    container.tls_ctx = tls;
    if (auto found = ask("container credentials endpoint",
                         aws_credentials_provider_new_ecs_from_environment(allocator, &container),
                         patience)) {
      return *found;
    }
  }
  // A container that has its own endpoint must not fall back to the role of the machine.
  const bool in_container = !Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() ||
                            !Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty();
  if (!in_container && ::strcasecmp(Variable("AWS_EC2_METADATA_DISABLED").c_str(), "true") != 0) {
    aws_credentials_provider_imds_options options{};
    options.bootstrap = runtime_->bootstrap();
    if (auto found =
            ask("instance metadata service (IMDS)",
                aws_credentials_provider_new_imds(allocator, &options), kMetadataTimeout)) {
      return *found;
    }
  }
  if (failures.empty()) failures = "no source is configured";
  return Fail(fmt::format(
      "no AWS credentials ({}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, "
      "or give the job an execution role",
      failures));
}

namespace {

struct RegionAnswer {
  explicit RegionAnswer(Event when) : done(std::move(when)) {}
  Event done;
  std::mutex mutex;
  std::string region;
};

void OnInstance(const aws_imds_instance_info* info, int /*error*/, void* user_data) {
  const std::unique_ptr<std::shared_ptr<RegionAnswer>> answer(
      static_cast<std::shared_ptr<RegionAnswer>*>(user_data));
  if (info != nullptr) {
    const std::lock_guard lock((*answer)->mutex);
    (*answer)->region.assign(reinterpret_cast<const char*>(info->region.ptr), info->region.len);
  }
  (*answer)->done.Set();
}

std::string MachineRegion(Runtime& runtime, const Cancellation* cancel) {
  auto done = Event::Make();
  if (!done) return {};
  const auto answer = std::make_shared<RegionAnswer>(std::move(*done));
  aws_standard_retry_options retries{};
  retries.backoff_retry_options.el_group = runtime.loops();
  retries.backoff_retry_options.max_retries = 1;
  aws_imds_client_options options{};
  options.bootstrap = runtime.bootstrap();
  options.retry_strategy = aws_retry_strategy_new_standard(aws_default_allocator(), &retries);
  aws_imds_client* client = aws_imds_client_new(aws_default_allocator(), &options);
  aws_retry_strategy_release(options.retry_strategy);
  if (client == nullptr) return {};
  auto handle = std::make_unique<std::shared_ptr<RegionAnswer>>(answer);
  const auto ask = [&] {
    const SignalsBlocked blocked;
    return aws_imds_client_get_instance_info(client, OnInstance, handle.get());
  };
  if (ask() == AWS_OP_SUCCESS) {
    std::ignore = handle.release();  // OnInstance deletes it
    answer->done.Wait(steady_clock::now() + kMetadataTimeout, cancel);
  }
  aws_imds_client_release(client);
  const std::lock_guard lock(answer->mutex);
  return answer->region;
}

}  // namespace

std::string FindRegion(Runtime& runtime, const Settings& settings, const Cancellation* cancel) {
  if (!settings.region.empty()) return settings.region;
  if (std::string region = ProfileProperty("region"); !region.empty()) return region;
  if (!IsAmazon(settings)) return "us-east-1";
  if (::strcasecmp(Variable("AWS_EC2_METADATA_DISABLED").c_str(), "true") == 0) return {};
  return MachineRegion(runtime, cancel);
}

}  // namespace berth::storage
