// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/serve/client.h"

namespace octet::serve {
namespace {

using namespace std::chrono_literals;
using test::RawClient;

HttpOptions Quick() {
  HttpOptions o;
  o.header_timeout = 300ms;
  o.body_timeout = 300ms;
  o.max_body_bytes = 1000;
  o.max_header_bytes = 2000;
  return o;
}

// Echoes bodies, says who asks, and waits where asked to.
class HttpServerTest : public testing::Test {
 protected:
  void Start(HttpOptions options) {
    server_ = std::make_unique<HttpServer>(std::move(options));
    server_->On("POST", "/echo/{}", [](const HttpRequest& r) {
      HttpResponse response;
      response.body = r.params[0] + ":" + r.subject + ":" + r.body;
      return response;
    });
    server_->On("GET", "/sleep", [this](const HttpRequest&) {
      ++asleep_;
      std::this_thread::sleep_for(500ms);
      return HttpResponse{};
    });
    server_->OnAsync("GET", "/forgotten", [](HttpRequest, Reply) {});
    server_->OnAsync("GET", "/later", [this](HttpRequest, Reply reply) {
      later_ = std::thread([reply] {
        std::this_thread::sleep_for(20ms);
        HttpResponse response;
        response.body = "late";
        reply(std::move(response));
      });
    });
    server_->OnAsync(
        "POST", "/full", [](HttpRequest, const Reply& reply) { reply(HttpResponse{}); },
        [this](const HttpRequest& head, uint64_t bytes) -> std::optional<HttpResponse> {
          asked_bytes_ = bytes;
          EXPECT_TRUE(head.body.empty());
          return full_ ? std::optional(JsonError(429, "full")) : std::nullopt;
        });
    const Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started.message();
  }
  void TearDown() override {
    if (later_.joinable()) later_.join();
  }
  static std::string Post(std::string_view path, std::string_view body, std::string_view headers = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }
  static bool Is(const std::string& response, int status) { return response.starts_with("HTTP/1.1 " + std::to_string(status)); }

  std::unique_ptr<HttpServer> server_;
  std::thread later_;
  std::atomic<int> asleep_{0};
  std::atomic<uint64_t> asked_bytes_{0};
  std::atomic<bool> full_{true};
};

TEST_F(HttpServerTest, AnswersOnOneConnectionAndInAPipeline) {
  Start(Quick());
  RawClient c(server_->port());
  EXPECT_TRUE(c.Ask(Post("/echo/a%20b", "hello")).ends_with("\r\n\r\na b::hello"));
  ASSERT_TRUE(c.Send(Post("/echo/1", "x") + Post("/echo/2", "yy")));
  EXPECT_TRUE(c.Receive().ends_with("1::x"));
  EXPECT_TRUE(c.Receive().ends_with("2::yy"));
  EXPECT_TRUE(c.Ask("GET /later HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("late"));
  EXPECT_TRUE(Is(c.Ask("GET /forgotten HTTP/1.1\r\nHost: x\r\n\r\n"), 500));
}

TEST_F(HttpServerTest, RefusesWithAReason) {
  Start(Quick());
  const auto ask = [&](const std::string& text) { return RawClient(server_->port()).Ask(text); };
  EXPECT_TRUE(Is(ask("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), 404));
  EXPECT_TRUE(Is(ask("GET /echo/a HTTP/1.1\r\nHost: x\r\n\r\n"), 405));
  EXPECT_TRUE(Is(ask(Post("/echo/%zz", "")), 404));
  EXPECT_TRUE(Is(ask("nonsense\r\n\r\n"), 400));
  EXPECT_TRUE(Is(ask(Post("/echo/a", std::string(1001, 'x'))), 413));
  EXPECT_TRUE(Is(ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n"), 413));
  EXPECT_TRUE(Is(ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400));
  EXPECT_TRUE(Is(ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), 411));
  RawClient encoded(server_->port());  // Its body is not understood, and must not be taken for a request.
  EXPECT_TRUE(Is(encoded.Ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n"), 411));
  EXPECT_EQ(encoded.Receive(), "");
  EXPECT_TRUE(Is(ask("GET /sleep HTTP/1.1\r\nX: " + std::string(3000, 'x') + "\r\n\r\n"), 431));
  EXPECT_TRUE(Is(ask(Post("/echo/a", "still here")), 200));
  EXPECT_EQ(server_->stats().too_large, 2u);
}

TEST_F(HttpServerTest, RefusesBeforeTheBodyIsRead) {
  HttpOptions o = Quick();
  o.max_body_bytes = 4 << 20;
  Start(o);
  RawClient large(server_->port());  // No byte of its body is ever sent.
  EXPECT_TRUE(Is(large.Ask("POST /full HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"), 429));
  EXPECT_EQ(asked_bytes_, 2'000'000u);
  EXPECT_EQ(large.Receive(), "");  // The connection ends.
  RawClient polite(server_->port());  // Is never told to continue.
  EXPECT_TRUE(Is(polite.Ask("POST /full HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"), 429));
  RawClient small(server_->port());  // Its body passes, and the connection goes on.
  EXPECT_TRUE(Is(small.Ask(Post("/full", "0123456789")), 429));
  EXPECT_TRUE(Is(small.Ask(Post("/full", std::string(300'000, 'x'))), 429));
  full_ = false;
  EXPECT_TRUE(Is(small.Ask(Post("/full", std::string(300'000, 'x'))), 200));
}

TEST_F(HttpServerTest, ATokenIsNeededBeforeTheBodyIsRead) {
  HttpOptions o = Quick();
  o.open_paths = {"/later"};
  o.authorize = [](std::string_view token, std::string_view) -> std::optional<std::string> {
    if (token == "secret") return "anna";
    return std::nullopt;
  };
  Start(o);
  EXPECT_TRUE(Is(RawClient(server_->port()).Ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"), 401));
  EXPECT_TRUE(Is(RawClient(server_->port()).Ask(Post("/echo/a", "b", "Authorization: Bearer wrong\r\n")), 401));
  EXPECT_TRUE(RawClient(server_->port()).Ask(Post("/echo/a", "b", "Authorization: Bearer secret\r\n")).ends_with("a:anna:b"));
  EXPECT_TRUE(Is(RawClient(server_->port()).Ask("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"), 200));
}

TEST_F(HttpServerTest, SlowClientsEndAtTheDeadlineOfTheWhole) {
  Start(Quick());
  RawClient header(server_->port()), body(server_->port());
  ASSERT_TRUE(body.Send("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 12; ++i) {  // A byte now and then does not help.
    header.Send("G");
    body.Send("x");
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(header.Receive(), "");
  EXPECT_EQ(body.Receive(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_EQ(server_->stats().timed_out, 2u);
}

TEST_F(HttpServerTest, ConnectionsWaitersAndMemoryAreBounded) {
  HttpOptions o = Quick();
  o.max_connections = 4;
  o.workers = 1;
  o.max_waiting = 1;
  o.max_buffered_bytes = 1500;
  o.header_timeout = o.body_timeout = 5s;
  Start(o);
  {
    RawClient a(server_->port()), b(server_->port());
    ASSERT_TRUE(a.Send("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"));
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(Is(b.Ask("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n"), 503));
    EXPECT_TRUE(Is(a.Ask(std::string(1000, 'x')), 200));
  }
  while (server_->stats().open_connections > 0) std::this_thread::sleep_for(5ms);
  RawClient c1(server_->port()), c2(server_->port()), c3(server_->port()), c4(server_->port());
  const char* sleep = "GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(c1.Send(sleep));
  ASSERT_TRUE(c2.Send(sleep));
  std::this_thread::sleep_for(100ms);
  const std::string refused = c3.Ask(sleep);
  EXPECT_TRUE(Is(refused, 503)) << refused;
  EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos);
  while (server_->stats().open_connections < 4) std::this_thread::sleep_for(5ms);
  RawClient c5(server_->port());
  EXPECT_EQ(c5.Ask(sleep), "");
  EXPECT_TRUE(Is(c1.Receive(), 200));
  EXPECT_TRUE(Is(c2.Receive(), 200));
}

TEST_F(HttpServerTest, StopLetsRunningRequestsEnd) {
  HttpOptions o = Quick();
  o.header_timeout = 20s;
  Start(o);
  RawClient idle(server_->port()), busy(server_->port());
  ASSERT_TRUE(busy.Send("GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (asleep_ == 0) std::this_thread::sleep_for(1ms);
  const auto start = std::chrono::steady_clock::now();
  server_->Stop(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_TRUE(Is(busy.Receive(), 200));
  EXPECT_EQ(idle.Receive(), "");
}

TEST(HttpServerStart, SaysWhyItCannot) {
  HttpOptions o;
  o.cert_file = "/nowhere/cert.pem";
  Status status = HttpServer(o).Start();
  ASSERT_FALSE(status.ok());
  o.key_file = "/nowhere/key.pem";
  status = HttpServer(o).Start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("/nowhere/cert.pem"), std::string::npos);
  HttpServer first({});
  ASSERT_TRUE(first.Start().ok());
  HttpOptions taken;
  taken.port = first.port();
  EXPECT_FALSE(HttpServer(taken).Start().ok());
}

}  // namespace
}  // namespace octet::serve
