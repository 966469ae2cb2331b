// SPDX-License-Identifier: Apache-2.0
// A bounded queue for many writers and readers without locks (D. Vyukov's): each cell carries the number of the round in
// which it may be written or read next, so a writer takes a cell with one compare-and-swap and never waits.
#pragma once
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace octet::telemetry {

template <class T> class Ring {
 public:
  explicit Ring(size_t capacity) : mask_(std::bit_ceil(capacity) - 1), cells_(new Cell[mask_ + 1]) {
    for (size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }

  // False when full.
  bool Push(const T& value) {
    size_t at = head_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at & mask_];
      const auto ahead = static_cast<intptr_t>(cell.turn.load(std::memory_order_acquire) - at);
      if (ahead < 0) return false;
      if (ahead > 0) {
        at = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.value = value;
        cell.turn.store(at + 1, std::memory_order_release);
        return true;
      }
    }
  }

  // False when empty.
  bool Pop(T* value) {
    size_t at = tail_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at & mask_];
      const auto ahead = static_cast<intptr_t>(cell.turn.load(std::memory_order_acquire) - (at + 1));
      if (ahead < 0) return false;
      if (ahead > 0) {
        at = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        *value = cell.value;
        cell.turn.store(at + mask_ + 1, std::memory_order_release);
        return true;
      }
    }
  }

 private:
  struct Cell {
    std::atomic<size_t> turn;
    T value;
  };
  const size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<size_t> head_{0};  // Apart: writers and the reader must not share a cache line.
  alignas(64) std::atomic<size_t> tail_{0};
};

}  // namespace octet::telemetry
