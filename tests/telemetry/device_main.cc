// SPDX-License-Identifier: Apache-2.0
// octet_telemetry_device CONFIG WINDOW_MS RATE: a device that records made-up inferences until it is killed, or told to end.
// octet_telemetry_device --id CONFIG: prints the device's id.
// The tests kill it, fill its disk and cut its network.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "telemetry/telemetry.h"
#ifdef OCTET_FLEET
#include "fleet/direct_upload.h"
#endif

namespace {

volatile std::sig_atomic_t ended = 0;

}  // namespace

int main(int argc, char** argv) {
  using namespace octet::telemetry;
  if (argc == 3 && std::string_view(argv[1]) == "--id") {
    const auto config = ReadConfig(argv[2]);
    return config.ok() ? std::printf("%s\n", config->device.c_str()), 0 : 2;
  }
  if (argc != 4) return 2;
  std::signal(SIGTERM, [](int) { ended = 1; });
  std::signal(SIGXFSZ, SIG_IGN);
  auto config = ReadConfig(argv[1]);
  if (!config.ok()) return std::fprintf(stderr, "%s\n", config.error().message().c_str()), 2;
  config->window_us = 1000 * std::atoll(argv[2]);
  const auto pause = std::chrono::microseconds(1'000'000 / std::atoi(argv[3]));
  Send send;
#ifdef OCTET_FLEET
  if (config->direct) send = octet::fleet::DirectUpload(config->endpoint);
#endif
  Telemetry telemetry(std::move(*config), [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }, std::move(send));
  Key key;
  key.model = "made-up";
  const SeriesId a = telemetry.recorder().Open(key);
  key.version = "2";
  const SeriesId b = telemetry.recorder().Open(key);
  for (uint64_t i = 0; !ended; ++i) {
    telemetry.recorder().Inference(i % 3 ? a : b, {100, 200, 1'000'000 + i % 1000, 300, 1'000'600});
    std::this_thread::sleep_for(pause);
  }
  return 0;
}
