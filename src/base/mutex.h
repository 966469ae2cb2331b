// SPDX-License-Identifier: Apache-2.0
// A mutex; where there are no threads (WebAssembly), nothing.
#pragma once
#include <version>

#if defined(_LIBCPP_HAS_NO_THREADS)
#define OCTET_NO_THREADS 1
namespace octet {
struct Mutex {};
struct [[maybe_unused]] Lock {
  explicit Lock(Mutex&) {}
};
}  // namespace octet
#else
#include <mutex>
namespace octet {
using Mutex = std::mutex;
using Lock = std::lock_guard<std::mutex>;
}  // namespace octet
#endif
