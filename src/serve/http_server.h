// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server for services: routes, TLS, bearer tokens, and limits that hold against hostile clients.
// Connections cost no thread: a few I/O threads wait for all of them, each step has a deadline as a whole (a client that
// sends one byte a second gains nothing), and what a request may take of the memory is known before its body is read.
//
//   HttpServer server({.port = 8080, .authorize = tokens});
//   server.On("POST", "/v1/things/{}", [](const HttpRequest& r) { return HttpResponse{.body = r.params[0]}; });
//   OCTET_TRY(server.Start());
//   ...
//   server.Stop(10s);
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace octet::serve {

struct HttpRequest {
  std::string method, path, query;  // The path as the client wrote it, without the query.
  std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
  std::string body;
  std::vector<std::string> params;  // What stood for each {} of the route, percent-decoded.
  std::string subject;              // Whose token it was; empty where no token is asked for.
  std::chrono::steady_clock::time_point received;  // When the headers were complete.

  std::string_view header(std::string_view lower_case_name) const;  // Empty when absent.
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"error": message}, the form of the Open Inference Protocol.
HttpResponse JsonError(int status, std::string_view message);

// Ends one request, from any thread, once. A Reply that is dropped unused answers 500. All must be gone before the
// server is destroyed.
class Reply {
 public:
  using Done = std::function<void(HttpResponse)>;
  explicit Reply(Done done);
  void operator()(HttpResponse response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

using Handler = std::function<HttpResponse(const HttpRequest&)>;
using AsyncHandler = std::function<void(HttpRequest, Reply)>;
// Asked when the headers are there and the body is not: an answer refuses the request unread. On an I/O thread: a look at memory.
using Admit = std::function<std::optional<HttpResponse>(const HttpRequest& head, uint64_t body_bytes)>;
// The token's subject, or nothing: 401. Asked on an I/O thread before the body is read: a look-up in memory.
using Authorize = std::function<std::optional<std::string>(std::string_view token, std::string_view path)>;

struct HttpOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                  // 0: any that is free; see HttpServer::port.
  std::string cert_file, key_file;    // PEM, chain and key: TLS 1.2 or later. Both or none.
  Authorize authorize;                // None: everybody may.
  std::vector<std::string> open_paths;  // Need no token: health checks.
  size_t max_header_bytes = 16 << 10;
  size_t max_body_bytes = 64 << 20;
  size_t max_buffered_bytes = 512 << 20;  // Bodies of all requests at one time, received or announced.
  int max_connections = 512;
  int io_threads = 1;
  int workers = 4;                    // Threads for blocking handlers.
  int max_waiting = 64;               // Requests that wait for a worker.
  std::chrono::milliseconds header_timeout{30'000};  // Until the next request's headers are complete.
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds write_timeout{60'000};
};

struct HttpStats {
  uint64_t connections = 0, open_connections = 0, requests = 0;
  // Refused before any handler saw them, by reason.
  uint64_t refused_connections = 0, unauthorized = 0, too_large = 0, malformed = 0, timed_out = 0, overloaded = 0;
};

class HttpServer {
 public:
  explicit HttpServer(HttpOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before Start. A pattern's segments are texts or {} for one segment. `handler` runs on a worker thread and may block.
  void On(std::string_view method, std::string_view pattern, Handler handler);
  // `handler` runs on an I/O thread and must return soon; the reply may come later from anywhere.
  void OnAsync(std::string_view method, std::string_view pattern, AsyncHandler handler, Admit admit = {});

  Status Start();
  uint16_t port() const;  // After Start.
  // Accepts no more, ends idle connections, waits for running requests, and cuts what is left after `grace`.
  void Stop(std::chrono::milliseconds grace);
  HttpStats stats() const;

  struct Core;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace octet::serve
