// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "octet/telemetry.h"
#include "telemetry/spool.h"

namespace octet::telemetry {
namespace {

TEST(TelemetryC, RecordsIntoTheSpool) {
  const std::string config = testing::TempDir() + "/telemetry_c.json", spool = testing::TempDir() + "/telemetry_c.db";
  for (const char* end : {"", "-wal"}) std::remove((spool + end).c_str());
  std::ofstream(config) << R"({"endpoint":"http://127.0.0.1:9/v1/telemetry","token":"t","salt":"0123456789abcdef","identity":"here","spool":")" << spool
                        << "\"}";
  OctetError error;
  OctetTelemetry* t = octet_telemetry_open(config.c_str(), &error);
  ASSERT_NE(t, nullptr) << error.text;
  OctetTelemetryKey key = {};
  key.struct_size = sizeof(key);
  key.model = "m";
  const int32_t series = octet_telemetry_series(t, &key);
  EXPECT_EQ(octet_telemetry_series(t, &key), series);
  const uint64_t ns[5] = {1, 2, 3, 4, 10};
  octet_telemetry_inference(t, series, ns);
  octet_telemetry_inference(t, 12345, ns);  // Not handed out: the overflow's.
  octet_telemetry_error(t, series, 12345);
  octet_telemetry_operator(t, series, octet_telemetry_name(t, "CONV_2D"), 3);
  octet_telemetry_count(t, series, OCTET_COUNT_SHADOW);
  octet_telemetry_stage(t, series, OCTET_STAGE_LOAD, 5);
  octet_telemetry_flush(t);
  EXPECT_EQ(octet_telemetry_lost(t), 0u);
  octet_telemetry_close(t);
  std::string note;
  auto left = Spool::Open({spool, "0", 1 << 20, 1 << 20}, &note);
  ASSERT_TRUE(left.ok()) << left.error().message();
  EXPECT_TRUE((*left)->Read()->previous_clean);
  const Batch batch = *(*left)->Take(10, 1 << 20);
  ASSERT_EQ(batch.lines.size(), 2u);
  EXPECT_NE(batch.lines[0].find("\"errors\":{\"other\":1}"), std::string::npos) << batch.lines[0];
  EXPECT_NE(batch.lines[1].find("\"overflow\":true"), std::string::npos) << batch.lines[1];
}

TEST(TelemetryC, NothingHappensWithoutIt) {
  OctetError error;
  EXPECT_EQ(octet_telemetry_open("/nowhere.json", &error), nullptr);
  EXPECT_NE(std::string(error.text).find("/nowhere.json"), std::string::npos);
  octet_telemetry_inference(nullptr, 0, nullptr);
  octet_telemetry_flush(nullptr);
  octet_telemetry_close(nullptr);
  EXPECT_EQ(octet_telemetry_series(nullptr, nullptr), 0);
}

}  // namespace
}  // namespace octet::telemetry
