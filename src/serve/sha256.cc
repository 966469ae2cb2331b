// SPDX-License-Identifier: Apache-2.0
#include "serve/sha256.h"

#include <openssl/evp.h>

#include "base/status.h"

namespace octet::serve {

std::string Sha256(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += Format("%02x", digest[i]);
  return hex;
}

}  // namespace octet::serve
