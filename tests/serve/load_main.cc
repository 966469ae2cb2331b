// SPDX-License-Identifier: Apache-2.0
// octet_serve_load PORT PATH BODY_FILE JSON_BYTES CONNECTIONS SECONDS RATE: asks the same request over and over.
// RATE 0: each connection as fast as it gets answers; else so many requests a second in all, whatever comes back.
// Prints one JSON object. scripts/serve_load.py is what people run.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/serve/client.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  uint16_t port = 0;
  std::string request;
  double rate = 0;
  Clock::time_point start, end;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::vector<double> accepted_us, refused_us;
  int64_t failed = 0;
};

void Ask(Load& load) {
  octet::test::RawClient client(load.port);
  std::vector<double> accepted, refused;
  int64_t failed = 0;
  while (Clock::now() < load.end) {
    Clock::time_point due = Clock::now();
    if (load.rate > 0) {
      due = load.start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(load.next++) / load.rate));
      if (due >= load.end) break;
      std::this_thread::sleep_until(due);
    }
    const Clock::time_point sent = Clock::now();
    const std::string answer = client.Ask(load.request);
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - sent).count();
    if (answer.starts_with("HTTP/1.1 200")) accepted.push_back(us);
    else if (answer.starts_with("HTTP/1.1 429")) refused.push_back(us);
    else ++failed;
    if (answer.empty()) break;  // The connection is gone.
  }
  std::lock_guard lock(load.mutex);
  load.accepted_us.insert(load.accepted_us.end(), accepted.begin(), accepted.end());
  load.refused_us.insert(load.refused_us.end(), refused.begin(), refused.end());
  load.failed += failed;
}

double Quantile(std::vector<double>& v, double q) {
  std::ranges::sort(v);
  return v.empty() ? 0 : v[std::min(v.size() - 1, static_cast<size_t>(q * static_cast<double>(v.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return std::fprintf(stderr, "usage: octet_serve_load PORT PATH BODY_FILE JSON_BYTES CONNECTIONS SECONDS RATE\n"), 2;
  std::ifstream file(argv[3], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  Load load;
  load.port = static_cast<uint16_t>(std::atoi(argv[1]));
  load.request = "POST " + std::string(argv[2]) + " HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: " + argv[4] +
                 "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  load.rate = std::atof(argv[7]);
  load.start = Clock::now();
  const double seconds = std::atof(argv[6]);
  load.end = load.start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[5]); ++i) threads.emplace_back([&] { Ask(load); });
  for (std::thread& t : threads) t.join();
  std::printf("{\"accepted\":%zu,\"refused\":%zu,\"failed\":%lld,\"per_second\":%.2f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"refused_p99_us\":%.1f}\n",
              load.accepted_us.size(), load.refused_us.size(), static_cast<long long>(load.failed), static_cast<double>(load.accepted_us.size()) / seconds,
              Quantile(load.accepted_us, 0.5), Quantile(load.accepted_us, 0.99), Quantile(load.refused_us, 0.99));
  return load.failed > 0;
}
