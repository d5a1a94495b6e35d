#include "storage/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "storage/names.h"

namespace berth::storage {
namespace {

struct Endpoint {
  bool tls;
  std::string host;
  std::string path;
};

Result<Endpoint> ParseEndpoint(std::string_view url) {
  const auto refuse = [&] {
    return Fail(fmt::format(
        "the S3 endpoint \"{}\" is not a URL: expected https://host[:port] or http://host[:port]",
        url));
  };
  Endpoint endpoint{true, {}, {}};
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    endpoint.tls = false;
    rest.remove_prefix(7);
  } else {
    return refuse();
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  endpoint.host = rest.substr(0, slash);
  rest.remove_prefix(slash);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  endpoint.path = rest;
  if (endpoint.host.empty() || endpoint.host.find_first_of("@?# \\") != std::string::npos ||
      rest.find_first_of("?# ") != rest.npos) {
    return refuse();
  }
  return endpoint;
}

bool AmazonHost(std::string_view host) {
  host = host.substr(0, host.rfind(':'));
  return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

// A dot in it would not match Amazon's certificate (*.s3.region.amazonaws.com).
bool CanBeHostLabel(std::string_view bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         std::all_of(
             bucket.begin(), bucket.end(),
             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }) &&
         bucket.front() != '-' && bucket.back() != '-';
}

std::string_view DomainOf(std::string_view region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("us-isob-")) return "sc2s.sgov.gov";
  if (region.starts_with("us-iso-")) return "c2s.ic.gov";
  return "amazonaws.com";
}

}  // namespace

Result<Settings> Settings::FromEnvironment(const std::map<std::string, std::string>& variables) {
  // The first that is set and not empty.
  const auto first = [&](std::initializer_list<const char*> names) -> std::string {
    for (const char* name : names) {
      const auto found = variables.find(name);
      if (found != variables.end() && !found->second.empty()) return found->second;
    }
    return {};
  };
  Settings settings;
  settings.region = first({"AWS_REGION", "SAGEMAKER_REGION", "AWS_DEFAULT_REGION"});
  settings.endpoint = first({"S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  settings.ca_file =
      first({"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"});
  settings.ca_directory = first({"SSL_CERT_DIR"});
  settings.upload_checksums = first({"AWS_REQUEST_CHECKSUM_CALCULATION"}) != "when_required";
  settings.access_key_id = first({"AWS_ACCESS_KEY_ID"});
  settings.secret_access_key = first({"AWS_SECRET_ACCESS_KEY"});
  settings.session_token = first({"AWS_SESSION_TOKEN"});
  if (settings.access_key_id.empty() != settings.secret_access_key.empty()) {
    return Fail(fmt::format(
        "{} is set without {}: set both or neither",
        settings.access_key_id.empty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
        settings.access_key_id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"));
  }
  if (!settings.endpoint.empty()) BERTH_TRY(ParseEndpoint(settings.endpoint));
  return settings;
}

bool IsAmazon(const Settings& settings) {
  if (settings.endpoint.empty()) return true;
  const auto endpoint = ParseEndpoint(settings.endpoint);
  return endpoint && AmazonHost(endpoint->host);
}

Result<Target> TargetOf(const Settings& settings, const std::string& region,
                        const std::string& bucket) {
  Endpoint endpoint{true, fmt::format("s3.{}.{}", region, DomainOf(region)), {}};
  if (!settings.endpoint.empty()) {
    BERTH_ASSIGN(endpoint, ParseEndpoint(settings.endpoint));
  }
  const bool amazon = settings.endpoint.empty() || AmazonHost(endpoint.host);
  if (amazon && CanBeHostLabel(bucket)) {
    return Target{endpoint.tls, fmt::format("{}.{}", bucket, endpoint.host), endpoint.path};
  }
  return Target{endpoint.tls, endpoint.host,
                fmt::format("{}/{}", endpoint.path, EncodedQuery(bucket))};
}

}  // namespace berth::storage
