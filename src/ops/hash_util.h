// SPDX-License-Identifier: Apache-2.0
// The hashes of texts that TensorFlow's operators are defined by.
#pragma once
#include <cstdint>
#include <string_view>

namespace octet::ops {

// FarmHash Fingerprint64: the same on every machine.
uint64_t Fingerprint64(std::string_view text);
// SipHash-2-4 with a key of 128 bits.
uint64_t SipHash(uint64_t key0, uint64_t key1, std::string_view text);

}  // namespace octet::ops
