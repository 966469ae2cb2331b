// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace octet {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> ran(tasks);
      std::atomic<bool> in_range{true};
      pool.For(tasks, [&](int64_t task, int thread) {
        ran[task]++;
        if (thread < 0 || thread >= threads) in_range = false;
      });
      for (const auto& count : ran) EXPECT_EQ(count, 1);
      EXPECT_TRUE(in_range);
    }
  }
}

TEST(ThreadPool, ManyShortLoopsLoseNothing) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 5000; ++round) pool.For(7, [&](int64_t task, int) { sum += task; });
  EXPECT_EQ(sum, 5000 * 21);
}

// Long enough that who waits, on either side, goes to sleep.
TEST(ThreadPool, SleepersWake) {
  ThreadPool pool(4);
  std::atomic<int> ran{0};
  for (int round = 0; round < 5; ++round) {
    pool.For(3, [&](int64_t task, int) {
      std::this_thread::sleep_for(std::chrono::milliseconds(task == 2 ? 4 : 0));
      ++ran;
    });
    EXPECT_EQ(ran, 3 * (round + 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// More threads than tasks and cores: nobody waits for those that found nothing to do.
TEST(ThreadPool, MoreThreadsThanTasks) {
  ThreadPool pool(16);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 2000; ++round) pool.For(2, [&](int64_t task, int) { sum += task + 1; });
  EXPECT_EQ(sum, 2000 * 3);
}

}  // namespace
}  // namespace octet
