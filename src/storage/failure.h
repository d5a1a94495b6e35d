// What people are told when S3 says no.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "storage/exchange.h"
#include "storage/s3_xml.h"
#include "storage/uri.h"

namespace berth::storage {

/// What was wanted, for the message.
struct Attempted {
  std::string_view verb;  ///< "get", "put", "list", "delete"
  S3Uri uri;
  std::string permission;  ///< "s3:GetObject"
  std::string region;
  std::string host;
  std::string credentials;  ///< Credentials::source
  int attempts = 1;
};

/// A request that did not succeed.
struct Failure {
  int status = 0;    ///< of HTTP; 0 where there was no answer
  std::string code;  ///< S3's: "NoSuchKey"; "" where there is none
  Error error;       ///< the whole sentence

  bool cancelled() const { return error.system_error() == ECANCELED; }
};

/// "cannot get s3://b/k: 403 AccessDenied (Access Denied; request R; credentials from the
/// environment variables): <what to do>". Never holds a key, a token or a signature.
Failure Explain(const Attempted& attempted, const Fault& fault, const ErrorDocument& document);

}  // namespace berth::storage
