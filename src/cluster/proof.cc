#include "cluster/proof.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cstdlib>

namespace berth::cluster {
namespace {

/// A stranger's openssl.cnf may name modules to be loaded, which a static program must not do.
bool SetUpWithoutConfiguration() {
  return ::OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1;
}

}  // namespace

Digest MakeNonce() {
  Digest nonce;
  // Never short for so few bytes once the kernel has started, which it has long since.
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    std::abort();  // a nonce that repeats would let a stranger in
  }
  return nonce;
}

Digest Hmac(std::string_view key, std::string_view bytes) {
  [[maybe_unused]] static const bool ready = SetUpWithoutConfiguration();
  Digest digest;
  unsigned size = 0;
  const unsigned char* done =
      ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &size);
  if (done == nullptr || size != digest.size()) std::abort();  // out of memory
  return digest;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Digest Transcript::Prove(std::string_view key, std::string_view label) const {
  std::string bytes = "berth link 1";
  // Each part with its length: no two transcripts are the same bytes.
  for (const std::string_view part : {label, View(hub_nonce), View(member_nonce),
                                      std::string_view(hub), std::string_view(member)}) {
    bytes += fmt::format("/{}:", part.size());
    bytes += part;
  }
  return Hmac(key, bytes);
}

}  // namespace berth::cluster
