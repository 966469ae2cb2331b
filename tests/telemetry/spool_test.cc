// SPDX-License-Identifier: Apache-2.0
#include "telemetry/spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "telemetry/uploader.h"

namespace octet::telemetry {
namespace {

class TelemetrySpool : public testing::Test {
 protected:
  void SetUp() override {
    options_.path = testing::TempDir() + "/spool_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
    options_.device = "0123456789abcdef";
    for (const char* end : {"", "-wal", "-shm", ".damaged"}) std::remove((options_.path + end).c_str());
  }
  std::unique_ptr<Spool> Open() {
    std::string note;
    auto spool = Spool::Open(options_, &note);
    EXPECT_TRUE(spool.ok()) << spool.error().message();
    note_ = note;
    return std::move(*spool);
  }
  static std::vector<std::string> Bodies(int n, size_t bytes = 100) {
    return std::vector<std::string>(static_cast<size_t>(n), "\"x\":\"" + std::string(bytes, 'x') + "\"}");
  }
  static int64_t Dropped(const SpoolStatus& s) { return s.dropped_age + s.dropped_bytes + s.dropped_rejected; }

  SpoolOptions options_;
  std::string note_;
};

TEST_F(TelemetrySpool, NumbersWithoutGapsAndRemembersHowItEnded) {
  std::string first_boot;
  {
    auto spool = Open();
    ASSERT_TRUE(spool->Commit(Bodies(3), 0, 60).ok());
    ASSERT_TRUE(spool->Commit(Bodies(2), 0, 60).ok());
    const auto batch = spool->Take(100, 1 << 20);
    ASSERT_EQ(batch->lines.size(), 5u);
    first_boot = spool->Read()->boot;
    EXPECT_TRUE(batch->lines[4].starts_with("{\"v\":1,\"device\":\"0123456789abcdef\",\"boot\":\"" + first_boot + "\",\"seq\":5,\"x\""));
    ASSERT_TRUE(spool->Close().ok());
  }
  auto spool = Open();
  SpoolStatus s = *spool->Read();
  EXPECT_EQ(s.previous_boot, first_boot);
  EXPECT_EQ(s.previous_last_seq, 5);
  EXPECT_TRUE(s.previous_clean);
  EXPECT_EQ(s.committed, 5);
  EXPECT_EQ(s.depth, 5);
  spool.reset();  // As a kill.
  s = *Open()->Read();
  EXPECT_FALSE(s.previous_clean);
  EXPECT_EQ(s.previous_last_seq, 0);
}

TEST_F(TelemetrySpool, OneProcessHasIt) {
  auto spool = Open();
  std::string note;
  EXPECT_FALSE(Spool::Open(options_, &note).ok());
}

TEST_F(TelemetrySpool, DropsTheOldestButNotWhatIsOnItsWay) {
  options_.max_bytes = 2000;
  auto spool = Open();
  ASSERT_TRUE(spool->Commit(Bodies(5), 0, 60).ok());
  const Batch batch = *spool->Take(2, 1 << 20);
  ASSERT_TRUE(spool->Commit(Bodies(50), 0, 60).ok());
  SpoolStatus s = *spool->Read();
  EXPECT_LE(s.bytes, 2000);
  EXPECT_EQ(s.committed, s.depth + Dropped(s));
  EXPECT_EQ(s.dropped_bytes, Dropped(s));
  const Batch again = *spool->Take(100, 1 << 20);  // Its fate is unknown still.
  EXPECT_EQ(again.lines, batch.lines);
  ASSERT_TRUE(spool->Delivered(batch, 1).ok());
  s = *spool->Read();
  EXPECT_EQ(s.dropped_rejected, 1);
  EXPECT_EQ(s.committed, s.depth + Dropped(s) + 1);
  EXPECT_NE(spool->Take(100, 1 << 20)->lines[0].find("\"seq\":" + std::to_string(s.committed - s.depth + 1) + ","), std::string::npos);
}

TEST_F(TelemetrySpool, AgeIsRunningTime) {
  options_.max_age_s = 3600;
  auto spool = Open();
  ASSERT_TRUE(spool->Commit(Bodies(1), 0, 60).ok());
  ASSERT_TRUE(spool->Commit(Bodies(1), 0, 3600).ok());
  EXPECT_EQ(spool->Read()->dropped_age, 0);
  ASSERT_TRUE(spool->Commit(Bodies(1), 0, 1).ok());
  EXPECT_EQ(spool->Read()->dropped_age, 1);
  EXPECT_EQ(spool->Read()->depth, 2);
}

TEST_F(TelemetrySpool, HalvesAndThenDropsASingleRecord) {
  auto spool = Open();
  ASSERT_TRUE(spool->Commit(Bodies(5), 0, 60).ok());
  std::multiset<size_t> sizes;
  for (int i = 0; i < 3; ++i) {
    const Batch batch = *spool->Take(100, 1 << 20);
    sizes.insert(batch.lines.size());
    ASSERT_TRUE(spool->Halve(batch).ok());
  }
  EXPECT_EQ(sizes, (std::multiset<size_t>{1, 2, 5}));
  const SpoolStatus s = *spool->Read();
  EXPECT_EQ(s.dropped_rejected, 1);
  EXPECT_EQ(s.depth, 4);
}

TEST_F(TelemetrySpool, ADamagedFileIsSetAside) {
  { ASSERT_TRUE(Open()->Commit(Bodies(200), 0, 60).ok()); }
  std::filesystem::resize_file(options_.path, 5000);
  std::fstream(options_.path, std::ios::in | std::ios::out | std::ios::binary).write("rubbish", 7);
  auto spool = Open();
  EXPECT_NE(note_.find("set aside"), std::string::npos) << note_;
  EXPECT_EQ(spool->Read()->committed, 0);
  EXPECT_TRUE(spool->Commit(Bodies(1), 0, 60).ok());
}

// Files that may not grow: nothing is half-written, nothing is counted that is not there, and it goes on when there is room.
// (A disk that fills up, where the oldest records make room: faults.py.)
TEST_F(TelemetrySpool, AFullDiskLosesNoCount) {
  auto spool = Open();
  ASSERT_TRUE(spool->Commit(Bodies(10), 0, 60).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit full = before;
  full.rlim_cur = 64 << 10;
  ::setrlimit(RLIMIT_FSIZE, &full);
  int failed = 0, committed = 10;
  for (int i = 0; i < 20; ++i) spool->Commit(Bodies(10, 2000), 0, 60).ok() ? committed += 10 : ++failed;
  const SpoolStatus during = *spool->Read();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_GT(failed, 0);
  EXPECT_EQ(during.committed, committed);
  EXPECT_EQ(during.depth, committed - Dropped(during));
  ASSERT_TRUE(spool->Commit(Bodies(10), 7, 60).ok());  // Seven had to go meanwhile.
  const SpoolStatus s = *spool->Read();
  EXPECT_EQ(s.committed, committed + 17);
  EXPECT_GE(s.dropped_bytes, 7);
  EXPECT_EQ(s.depth, s.committed - Dropped(s));
}

// A collector that keeps each record once, and misbehaves in every way of the protocol.
class FakeCollector {
 public:
  Result<PostResponse> operator()(const std::string& lines) {
    const int turn = turn_++ % 7;
    if (turn == 0) return Error(Code::kIo, "no route");
    if (turn == 1) return PostResponse{503, "", 3};
    if (turn == 2) return PostResponse{429, "", 2};
    if (turn == 3) return PostResponse{413, "", -1};
    Keep(lines);
    if (turn == 4) return Error(Code::kIo, "the connection broke after the commit");
    return PostResponse{200, "{\"accepted\":1,\"rejected\":0,\"expired\":0}", -1};
  }
  std::set<std::string> rows;
  int64_t posts() const { return turn_; }

 private:
  void Keep(const std::string& text) {
    size_t at = text.find('\n') + 1;
    ASSERT_NE(text.find("\"kind\":\"status\""), std::string::npos);
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) rows.insert(text.substr(at, end - at));
  }
  int64_t turn_ = 0;
};

TEST_F(TelemetrySpool, EveryRecordArrivesOnceWhateverTheCollectorAnswers) {
  options_.max_bytes = 20'000;
  auto spool = Open();
  FakeCollector collector;
  UploadOptions upload;
  upload.max_lines = 8;
  upload.device = options_.device;
  Uploader uploader(upload, std::ref(collector));
  std::string note;
  for (int minute = 0; minute < 300; ++minute) {
    ASSERT_TRUE(spool->Commit(Bodies(3), 0, 60).ok());
    const int64_t wait = uploader.Attempt(*spool, false, 0, 0, &note);
    EXPECT_LE(wait, 1'000'000);
    if (minute % 50 == 49) spool.reset(), spool = Open();  // As a kill.
  }
  for (int i = 0; i < 2000 && spool->Read()->depth > 0; ++i) (void)uploader.Attempt(*spool, false, 0, 0, &note);
  const SpoolStatus s = *spool->Read();
  EXPECT_EQ(s.depth, 0);
  EXPECT_EQ(s.bytes, 0);
  EXPECT_EQ(s.committed, 900);
  EXPECT_GT(s.dropped_bytes, 0);
  EXPECT_EQ(static_cast<int64_t>(collector.rows.size()), s.committed - Dropped(s));
}

TEST(TelemetryUploader, WaitsAsTold) {
  SpoolOptions options{testing::TempDir() + "/spool_waits.db", "00", 1 << 20, 1 << 20};
  std::remove(options.path.c_str());
  std::string note;
  auto spool = Spool::Open(options, &note);
  ASSERT_TRUE(spool.ok());
  PostResponse answer{503, "", 30};
  Uploader uploader({}, [&](const std::string&) -> Result<PostResponse> { return answer; });
  EXPECT_EQ(uploader.Attempt(**spool, false, 0, 0, &note), -1);  // Nothing to send.
  const int64_t told = uploader.Attempt(**spool, true, 0, 0, &note);
  EXPECT_GE(told, 30'000);
  EXPECT_LE(told, 45'000);
  answer = {401, "", -1};
  EXPECT_LE(uploader.Attempt(**spool, true, 0, 0, &note), 15'000);
  for (int i = 0; i < 6; ++i) (void)uploader.Attempt(**spool, true, 0, 0, &note);
  EXPECT_GE(uploader.Attempt(**spool, true, 0, 0, &note), 600'000);
  answer = {500, "", -1};
  int64_t last = 0;
  for (int i = 0; i < 20; ++i) last = uploader.Attempt(**spool, true, 0, 0, &note);
  EXPECT_GE(last, 600'000);
  EXPECT_LE(last, 900'000);
}

TEST(TelemetryUrl, Parses) {
  const Url url = *ParseUrl("https://collector.example:8443/v1/telemetry");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host + " " + url.port + " " + url.path, "collector.example 8443 /v1/telemetry");
  EXPECT_EQ(ParseUrl("http://[::1]:80/x")->host, "::1");
  EXPECT_EQ(ParseUrl("http://h")->path, "/");
  for (const char* bad : {"", "h/x", "ftp://h/x", "http://", "http://h:abc/", "http://h:/", "http://h x/"}) EXPECT_FALSE(ParseUrl(bad).ok()) << bad;
}

}  // namespace
}  // namespace octet::telemetry
