// SPDX-License-Identifier: Apache-2.0
// The device's client against the gateway's server, with and without TLS.
#include "telemetry/http_post.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "serve/http_server.h"

namespace octet::telemetry {
namespace {

using namespace std::chrono_literals;

class TelemetryHttpPost : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here -addext subjectAltName=DNS:localhost";
    have_certificates_ = true;
    for (const char* name : {"post_a", "post_b"})
      have_certificates_ &= std::system((make + " -keyout " + Path(name, "key") + " -out " + Path(name, "pem") + " 2>/dev/null").c_str()) == 0;
  }
  static std::string Path(const std::string& name, const std::string& end) { return testing::TempDir() + "/" + name + "." + end; }

  void Start(bool tls) {
    serve::HttpOptions o;
    if (tls) o.cert_file = Path("post_a", "pem"), o.key_file = Path("post_a", "key");
    server_ = std::make_unique<serve::HttpServer>(o);
    server_->On("POST", "/echo", [](const serve::HttpRequest& r) {
      serve::HttpResponse response;
      response.body = std::string(r.header("x-test")) + ":" + r.body;
      response.headers.emplace_back("Retry-After", "7");
      return response;
    });
    server_->On("POST", "/slow", [](const serve::HttpRequest&) {
      std::this_thread::sleep_for(500ms);
      return serve::HttpResponse{};
    });
    const Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started.message();
  }
  Result<PostResponse> Post(const std::string& scheme, const std::string& host, const std::string& path, const std::string& ca = "",
                            std::chrono::milliseconds timeout = 5s) {
    PostRequest r;
    r.url = *ParseUrl(scheme + "://" + host + ":" + std::to_string(server_->port()) + path);
    r.body = "hello";
    r.ca_file = ca;
    r.headers = {{"X-Test", "header"}};
    r.timeout = timeout;
    return HttpPost(r);
  }

  static bool have_certificates_;
  std::unique_ptr<serve::HttpServer> server_;
};
bool TelemetryHttpPost::have_certificates_ = false;

TEST_F(TelemetryHttpPost, SendsAndReads) {
  Start(false);
  const auto answer = Post("http", "127.0.0.1", "/echo");
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "header:hello");
  EXPECT_EQ(answer->retry_after_s, 7);
  EXPECT_EQ(Post("http", "127.0.0.1", "/nowhere")->status, 404);
  const auto late = Post("http", "127.0.0.1", "/slow", "", 100ms);
  ASSERT_FALSE(late.ok());
  server_->Stop(0ms);
  EXPECT_FALSE(Post("http", "127.0.0.1", "/echo").ok());
}

TEST_F(TelemetryHttpPost, TrustsOnlyWhoItShould) {
  if (!have_certificates_) GTEST_SKIP() << "the openssl command is not here";
  Start(true);
  const auto answer = Post("https", "localhost", "/echo", Path("post_a", "pem"));
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->body, "header:hello");
  EXPECT_FALSE(Post("https", "localhost", "/echo", Path("post_b", "pem")).ok());  // Somebody else's certificate.
  EXPECT_FALSE(Post("https", "127.0.0.1", "/echo", Path("post_a", "pem")).ok());  // Another name.
  EXPECT_FALSE(Post("https", "localhost", "/echo").ok());                         // Nobody vouches for it.
  EXPECT_FALSE(Post("http", "localhost", "/echo").ok());
  EXPECT_FALSE(Post("https", "localhost", "/echo", "/nowhere.pem").ok());
}

}  // namespace
}  // namespace octet::telemetry
