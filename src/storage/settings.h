// How S3 is reached: what the environment says, and the limits of every wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "core/error.h"
#include "storage/uri.h"

namespace berth::storage {

struct Settings {
  /// From AWS_REGION, SAGEMAKER_REGION, AWS_DEFAULT_REGION, in this order. Empty: the profile's,
  /// else the machine's (IMDS), else, with an `endpoint` of our own, us-east-1.
  std::string region;

  /// "http[s]://host[:port][/path]" from S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL.
  /// Empty: Amazon S3 in `region`.
  std::string endpoint;

  /// PEM files that take the place of the system's certificates: AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE,
  /// CURL_CA_BUNDLE, SSL_CERT_FILE; SSL_CERT_DIR for the directory.
  std::string ca_file;
  std::string ca_directory;

  /// AWS_REQUEST_CHECKSUM_CALCULATION=when_required turns off the CRC-32 that goes with an upload:
  /// for servers that refuse headers they do not know.
  bool upload_checksums = true;

  // The environment's access key, empty where it has none. Printed nowhere.
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;

  /// Requests under way at once.
  size_t connections = 16;
  /// Objects above this arrive in pieces of it, each of which goes to the file as it comes: it
  /// costs no memory. Smaller ones cost the server a request for each, larger ones leave less to do
  /// at once, and more to do again where one fails.
  uint64_t piece_size = uint64_t{8} << 20;
  /// The same for an open ObjectReader, which holds up to three of them.
  uint64_t stream_piece_size = uint64_t{4} << 20;
  /// Bytes of objects held in memory at once, in all transfers of one client.
  size_t memory = size_t{24} << 20;
  /// Files above this are uploaded in parts of it (more, where S3's 10,000 parts ask for it).
  /// S3 refuses less than 5 MiB.
  uint64_t part_size = uint64_t{5} << 20;

  /// A connection must be made within this.
  std::chrono::milliseconds connect_timeout{10'000};
  /// A connection that should move bytes, and moves none for this long, is given up. Seconds.
  std::chrono::seconds stall_limit{20};
  /// Credentials must be had within this, from all sources together.
  std::chrono::milliseconds credentials_timeout{30'000};
  /// A request is tried so often, and more often until this has passed since it was first sent …
  int attempts = 10;
  std::chrono::milliseconds retry_least{60'000};
  /// … waiting a random time up to this, doubled each time, in between, but at most …
  std::chrono::milliseconds backoff{200};
  std::chrono::milliseconds backoff_limit{10'000};
  /// … and is not tried again once this has passed since it was first sent.
  std::chrono::milliseconds retry_limit{180'000};

  /// From the process's variables. Fails, naming the variable, where one has no usable value.
  ///
  /// Proxies (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) and what the sources of credentials need
  /// (AWS_PROFILE, AWS_CONTAINER_CREDENTIALS_*, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_EC2_METADATA_* …)
  /// are read by the AWS Common Runtime from the process itself.
  [[nodiscard]] static Result<Settings> FromEnvironment(
      const std::map<std::string, std::string>& variables);
};

/// Where the requests for one bucket go.
struct Target {
  bool tls = true;
  std::string host;       ///< "bucket.s3.eu-west-1.amazonaws.com", "localhost:9000"
  std::string base_path;  ///< before the key, encoded, without a final slash: "", "/bucket"
};

/// Virtual-hosted style at Amazon (path style for buckets whose name cannot be a host name), path
/// style at other endpoints. Fails where the endpoint is not a URL.
[[nodiscard]] Result<Target> TargetOf(const Settings& settings, const std::string& region,
                                      const std::string& bucket);

/// True where requests go to Amazon itself rather than to a server that speaks its protocol.
bool IsAmazon(const Settings& settings);

}  // namespace berth::storage
