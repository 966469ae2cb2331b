// SPDX-License-Identifier: Apache-2.0
// Boost.Beast under the hood: one coroutine per connection on an Asio strand.
// GCC 12 destroys temporaries of an expression with co_await twice: values are named before they are awaited.
#include "serve/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "serve/routes.h"

namespace octet::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr size_t kReadStep = 256 << 10;  // A body's memory is touched as it arrives, not as it is announced.
constexpr uint64_t kSmallBody = 1 << 20;  // Letting it pass costs less than a new connection.
constexpr auto kDrainTime = std::chrono::seconds(1);
constexpr auto kHandshakeTime = std::chrono::seconds(10);

auto To(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

// Anything with connections that Stop can end.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Close(bool even_if_busy) = 0;  // From any thread.
};

struct Counters {
  std::atomic<uint64_t> connections{0}, requests{0}, refused_connections{0}, unauthorized{0}, too_large{0}, malformed{0}, timed_out{0}, overloaded{0};
};

// A share of the memory for bodies, given back when it goes.
class BodyShare {
 public:
  BodyShare(std::atomic<size_t>* used, size_t bytes, size_t limit) : used_(used), bytes_(bytes) {
    if (bytes_ > limit || used_->fetch_add(bytes_) > limit - bytes_) {
      if (bytes_ <= limit) used_->fetch_sub(bytes_);
      used_ = nullptr;
    }
  }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() {
    if (used_) used_->fetch_sub(bytes_);
  }
  bool granted() const { return used_ != nullptr; }

 private:
  std::atomic<size_t>* used_;
  size_t bytes_;
};

std::string Lower(beast::string_view text) {
  std::string out(text.data(), text.size());
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

HttpRequest ToRequest(const http::request<http::empty_body>& head) {
  HttpRequest r;
  r.received = steady_clock::now();
  r.method = std::string(head.method_string());
  const std::string target(head.target());
  const size_t question = std::min(target.find('?'), target.size());
  r.path = target.substr(0, question);
  if (question < target.size()) r.query = target.substr(question + 1);
  for (const auto& field : head) r.headers.emplace_back(Lower(field.name_string()), std::string(field.value()));
  return r;
}

std::string_view BearerToken(const HttpRequest& request) {
  const std::string_view value = request.header("authorization");
  return value.starts_with("Bearer ") ? value.substr(7) : std::string_view();
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

HttpResponse JsonError(int status, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.body = nlohmann::json{{"error", message}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

struct Reply::State {
  Done done;
  std::atomic<bool> used{false};
  ~State() {
    if (!used) done(JsonError(500, "the server gave no answer"));
  }
};

Reply::Reply(Done done) : state_(std::make_shared<State>()) { state_->done = std::move(done); }

void Reply::operator()(HttpResponse response) const {
  if (!state_->used.exchange(true)) state_->done(std::move(response));
}

struct HttpServer::Core {
  explicit Core(HttpOptions o)
      : options(std::move(o)), tls(ssl::context::tls_server), io(options.io_threads), acceptor(io), workers(static_cast<size_t>(options.workers)) {}

  HttpOptions options;
  Routes routes;
  Counters counters;
  std::atomic<size_t> buffered{0};
  std::atomic<int> waiting{0};
  std::atomic<bool> stopping{false};
  uint16_t port = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::set<Connection*> open;

  ssl::context tls;
  asio::io_context io;  // What it holds still, sessions among it, goes before what they use.
  tcp::acceptor acceptor;
  asio::thread_pool workers;
  std::vector<std::thread> threads;

  bool secure() const { return !options.cert_file.empty(); }
  Status Listen();
  Status LoadCertificate();
  asio::awaitable<void> Accept();
  void Dispatch(const Route& route, HttpRequest request, Reply reply);
  void Stop(std::chrono::milliseconds grace);
};

namespace {

// One client; owned by its coroutine.
template <class Stream> class Session : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  static constexpr bool kSecure = !std::is_same_v<Stream, beast::tcp_stream>;

  Session(HttpServer::Core* core, Stream stream) : core_(*core), stream_(std::move(stream)), buffer_(core->options.max_header_bytes) {
    std::lock_guard lock(core_.mutex);
    core_.open.insert(this);
  }
  ~Session() override {
    std::lock_guard lock(core_.mutex);
    core_.open.erase(this);
    core_.changed.notify_all();
  }

  void Close(bool even_if_busy) override {  // Under the core's mutex: the session lives.
    asio::post(stream_.get_executor(), [self = this->weak_from_this(), even_if_busy] {
      if (const auto s = self.lock(); s && (even_if_busy || !s->busy_)) s->socket().close();
    });
  }

  asio::awaitable<void> Run() {
    error_code error;
    socket().expires_after(kHandshakeTime);
    if constexpr (kSecure) {
      co_await stream_.async_handshake(ssl::stream_base::server, To(error));
      if (error) co_return;
    }
    bool more = true;
    while (more && !core_.stopping) more = co_await OneRequest();
    socket().expires_after(kDrainTime);
    if constexpr (kSecure) co_await stream_.async_shutdown(To(error));
    else co_await Drain();
    socket().close();
  }

 private:
  // The handler's answer; `refused` ones were never given to a handler.
  struct Checked {
    const Route* route = nullptr;
    HttpResponse refusal;
    uint64_t body_bytes = 0;
  };

  beast::tcp_stream& socket() { return beast::get_lowest_layer(stream_); }

  // True when the connection can take another request.
  asio::awaitable<bool> OneRequest() {
    error_code error;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<uint32_t>(core_.options.max_header_bytes));
    parser.body_limit(UINT64_MAX);  // Checked below, where there is an answer.
    busy_ = buffer_.size() > 0;
    socket().expires_after(core_.options.header_timeout);
    co_await http::async_read_header(stream_, buffer_, parser, To(error));
    busy_ = true;
    if (error) co_return co_await BadHeader(error);
    ++core_.counters.requests;
    HttpRequest request = ToRequest(parser.get());
    Checked checked = Check(parser, &request);
    if (!checked.route) co_return co_await Refuse(std::move(checked.refusal));
    std::optional<HttpResponse> refusal;
    if (checked.route->admit) refusal = checked.route->admit(request, checked.body_bytes);
    if (refusal) {
      const bool keep_alive = parser.get().keep_alive() && !core_.stopping && request.header("expect").empty();
      co_return co_await TurnAway(std::move(*refusal), checked.body_bytes, keep_alive);
    }
    const BodyShare share(&core_.buffered, checked.body_bytes, core_.options.max_buffered_bytes);
    if (!share.granted()) {
      ++core_.counters.overloaded;
      HttpResponse busy = JsonError(503, "the bodies of the requests that run take all the memory there is for them; try again");
      busy.headers.emplace_back("Retry-After", "1");
      co_return co_await Refuse(std::move(busy));
    }
    if (const std::string_view expected = request.header("expect"); Lower({expected.data(), expected.size()}) == "100-continue") {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream_, asio::buffer(kContinue), To(error));
    }
    const bool complete = co_await ReadBody(checked.body_bytes, &request.body);
    if (!complete) co_return false;
    const bool keep_alive = parser.get().keep_alive() && !core_.stopping;
    socket().expires_never();  // The handler takes the time it takes.
    HttpResponse response = co_await Answer(*checked.route, std::move(request));
    const bool written = co_await Write(std::move(response), keep_alive);
    co_return written && keep_alive;
  }

  // Everything that can be known before the body: cheap to refuse.
  Checked Check(const http::request_parser<http::empty_body>& parser, HttpRequest* request) {
    Checked c;
    int status = 0;
    const HttpOptions& o = core_.options;
    const bool open = std::ranges::find(o.open_paths, request->path) != o.open_paths.end();
    if (o.authorize && !open) {
      const auto subject = o.authorize(BearerToken(*request), request->path);
      if (!subject) {
        ++core_.counters.unauthorized;
        c.refusal = JsonError(401, "the request needs 'Authorization: Bearer TOKEN' with a token that is known here");
        c.refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
        return c;
      }
      request->subject = *subject;
    }
    const Route* route = core_.routes.Find(request->method, request->path, &request->params, &status);
    if (!route) {
      c.refusal = JsonError(status, status == 405 ? "the method " + request->method + " is not for " + request->path : "there is nothing at " + request->path);
      return c;
    }
    // What ends such a body is not read here, and would be taken for the next request.
    if (parser.get().count(http::field::transfer_encoding) > 0) {
      c.refusal = JsonError(411, "the request needs a Content-Length; chunked and other encoded transfers are not taken");
      return c;
    }
    c.body_bytes = parser.content_length() ? *parser.content_length() : 0;
    if (c.body_bytes > o.max_body_bytes) {
      ++core_.counters.too_large;
      c.refusal = JsonError(413, Format("the body has %llu bytes; at most %zu are taken", static_cast<unsigned long long>(c.body_bytes), o.max_body_bytes));
      return c;
    }
    c.route = route;
    return c;
  }

  asio::awaitable<bool> ReadBody(uint64_t bytes, std::string* body) {
    socket().expires_after(core_.options.body_timeout);
    const size_t here = std::min<size_t>(bytes, buffer_.size());
    body->reserve(bytes);
    body->assign(static_cast<const char*>(buffer_.data().data()), here);
    buffer_.consume(here);
    error_code error;
    while (body->size() < bytes && !error) {
      const size_t from = body->size(), step = std::min<size_t>(bytes - from, kReadStep);
      body->resize(from + step);
      co_await asio::async_read(stream_, asio::buffer(body->data() + from, step), To(error));
    }
    if (error == beast::error::timeout) ++core_.counters.timed_out;
    co_return !error;
  }

  // Answers at once. A small body is then let pass, unkept, so that the connection can go on; a larger one is not worth its transfer.
  asio::awaitable<bool> TurnAway(HttpResponse response, uint64_t body_bytes, bool keep_alive) {
    if (!keep_alive || body_bytes > kSmallBody) co_return co_await Refuse(std::move(response));
    const bool written = co_await Write(std::move(response), true);
    if (!written) co_return false;
    const size_t here = std::min<size_t>(body_bytes, buffer_.size());
    buffer_.consume(here);
    socket().expires_after(core_.options.body_timeout);
    error_code error;
    std::array<char, 16 << 10> waste;
    for (uint64_t left = body_bytes - here; left > 0 && !error;) {
      const size_t got = co_await stream_.async_read_some(asio::buffer(waste.data(), std::min<uint64_t>(left, waste.size())), To(error));
      left -= got;
    }
    if (error == beast::error::timeout) ++core_.counters.timed_out;
    co_return !error;
  }

  // Parse errors get an answer; who went away or was too slow gets none.
  asio::awaitable<bool> BadHeader(error_code error) {
    if (error == beast::error::timeout) {
      if (buffer_.size() > 0) ++core_.counters.timed_out;
      co_return false;
    }
    const bool too_large = error == http::error::header_limit || error == http::error::buffer_overflow;
    const bool gone =
        error == http::error::end_of_stream || error == http::error::partial_message || error.category() != make_error_code(http::error::bad_method).category();
    if (gone && !too_large) co_return false;
    ++core_.counters.malformed;
    HttpResponse response;
    if (too_large) response = JsonError(431, Format("the headers have more than %zu bytes", core_.options.max_header_bytes));
    else response = JsonError(400, "this is not an HTTP/1.1 request: " + error.message());
    co_return co_await Refuse(std::move(response));
  }

  // The rest of what the client sends is not read, so the connection ends.
  asio::awaitable<bool> Refuse(HttpResponse response) {
    co_await Write(std::move(response), false);
    co_return false;
  }

  asio::awaitable<HttpResponse> Answer(const Route& route, HttpRequest request) {
    HttpServer::Core* core = &core_;
    const auto executor = stream_.get_executor();
    auto initiate = [core, executor, &route](auto handler, HttpRequest r) {
      auto resume = std::make_shared<decltype(handler)>(std::move(handler));
      Reply reply([resume, executor](HttpResponse response) {
        asio::post(executor, [resume, response = std::move(response)]() mutable { (*resume)(std::move(response)); });
      });
      core->Dispatch(route, std::move(r), std::move(reply));
    };
    return asio::async_initiate<const asio::use_awaitable_t<>, void(HttpResponse)>(initiate, asio::use_awaitable, std::move(request));
  }

  asio::awaitable<bool> Write(HttpResponse response, bool keep_alive) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), 11, std::move(response.body));
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive);
    message.prepare_payload();
    error_code error;
    socket().expires_after(core_.options.write_timeout);
    co_await http::async_write(stream_, message, To(error));
    if (error == beast::error::timeout) ++core_.counters.timed_out;
    co_return !error;
  }

  // Closing with unread bytes would reset the connection and lose the answer on its way.
  asio::awaitable<void> Drain() {
    error_code error;
    socket().socket().shutdown(tcp::socket::shutdown_send, error);
    std::array<char, 4096> waste;
    while (!error) co_await stream_.async_read_some(asio::buffer(waste), To(error));
  }

  HttpServer::Core& core_;
  Stream stream_;
  beast::flat_buffer buffer_;
  bool busy_ = false;  // Only on the strand.
};

template <class Stream> void Begin(HttpServer::Core* core, Stream stream) {
  const auto executor = stream.get_executor();
  auto session = std::make_shared<Session<Stream>>(core, std::move(stream));
  // The lambda is a call that makes the coroutine, not a coroutine: nothing of it needs to live on.
  asio::co_spawn(executor, session->Run(), [session](std::exception_ptr) {});
}

}  // namespace

Status HttpServer::Core::LoadCertificate() {
  error_code error;
  tls.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use);
  tls.use_certificate_chain_file(options.cert_file, error);
  if (error) return Error(Code::kInvalidArgument, "'%s': expected a certificate chain in PEM form; %s", options.cert_file.c_str(), error.message().c_str());
  tls.use_private_key_file(options.key_file, ssl::context::pem, error);
  if (error)
    return Error(Code::kInvalidArgument, "'%s': expected the private key of '%s' in PEM form; %s", options.key_file.c_str(), options.cert_file.c_str(),
                 error.message().c_str());
  return {};
}

Status HttpServer::Core::Listen() {
  if (options.cert_file.empty() != options.key_file.empty())
    return Error(Code::kInvalidArgument, "TLS needs both a certificate and its key; only one is given");
  if (secure()) OCTET_TRY(LoadCertificate());
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error) return Error(Code::kInvalidArgument, "'%s': expected an IP address to listen on, as 127.0.0.1 or 0.0.0.0", options.address.c_str());
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error(Code::kIo, "cannot listen on %s port %u: %s", options.address.c_str(), options.port, error.message().c_str());
  port = acceptor.local_endpoint(error).port();
  return {};
}

asio::awaitable<void> HttpServer::Core::Accept() {
  while (!stopping) {
    error_code error;
    tcp::socket socket(asio::make_strand(io));
    co_await acceptor.async_accept(socket, To(error));
    if (error == asio::error::operation_aborted || stopping) co_return;
    if (error) {  // Out of file descriptors, most likely: others must end first.
      asio::steady_timer pause(io, std::chrono::milliseconds(50));
      co_await pause.async_wait(To(error));
      continue;
    }
    ++counters.connections;
    size_t count = 0;
    {
      std::lock_guard lock(mutex);
      count = open.size();
    }
    if (count >= static_cast<size_t>(options.max_connections)) {
      ++counters.refused_connections;
      continue;  // Closes it.
    }
    socket.set_option(tcp::no_delay(true), error);
    if (secure()) Begin(this, beast::ssl_stream<beast::tcp_stream>(beast::tcp_stream(std::move(socket)), tls));
    else Begin(this, beast::tcp_stream(std::move(socket)));
  }
}

void HttpServer::Core::Dispatch(const Route& route, HttpRequest request, Reply reply) {
  if (route.async) return route.async(std::move(request), std::move(reply));
  if (waiting.fetch_add(1) >= options.max_waiting + options.workers) {
    --waiting;
    ++counters.overloaded;
    HttpResponse busy = JsonError(503, "too many requests wait; try again");
    busy.headers.emplace_back("Retry-After", "1");
    return reply(std::move(busy));
  }
  asio::post(workers, [this, &route, request = std::move(request), reply = std::move(reply)] {
    HttpResponse response;
    try {
      response = route.blocking(request);
    } catch (const std::exception& e) {
      response = JsonError(500, e.what());
    }
    --waiting;
    reply(std::move(response));
  });
}

void HttpServer::Core::Stop(std::chrono::milliseconds grace) {
  if (threads.empty()) return;
  stopping = true;
  asio::post(io, [this] {
    error_code ignored;
    acceptor.close(ignored);
  });
  const auto close_all = [&](bool even_if_busy) {
    for (Connection* c : open) c->Close(even_if_busy);
  };
  {
    std::unique_lock lock(mutex);
    close_all(false);
    if (!changed.wait_for(lock, grace, [&] { return open.empty(); })) {
      close_all(true);
      changed.wait_for(lock, std::chrono::seconds(2), [&] { return open.empty(); });
    }
  }
  workers.join();
  io.stop();
  for (std::thread& t : threads) t.join();
  threads.clear();
}

HttpServer::HttpServer(HttpOptions options) : core_(std::make_shared<Core>(std::move(options))) {}
HttpServer::~HttpServer() { Stop(std::chrono::milliseconds(0)); }

void HttpServer::On(std::string_view method, std::string_view pattern, Handler handler) { core_->routes.Add(method, pattern, std::move(handler), {}, {}); }
void HttpServer::OnAsync(std::string_view method, std::string_view pattern, AsyncHandler handler, Admit admit) {
  core_->routes.Add(method, pattern, {}, std::move(handler), std::move(admit));
}

Status HttpServer::Start() {
  OCTET_TRY(core_->Listen());
  Core* core = core_.get();
  asio::co_spawn(core->io, core->Accept(), asio::detached);
  for (int i = 0; i < std::max(1, core->options.io_threads); ++i) core->threads.emplace_back([core] { core->io.run(); });
  return {};
}

uint16_t HttpServer::port() const { return core_->port; }
void HttpServer::Stop(std::chrono::milliseconds grace) { core_->Stop(grace); }

HttpStats HttpServer::stats() const {
  const Counters& c = core_->counters;
  HttpStats s{c.connections, 0, c.requests, c.refused_connections, c.unauthorized, c.too_large, c.malformed, c.timed_out, c.overloaded};
  std::lock_guard lock(core_->mutex);
  s.open_connections = core_->open.size();
  return s;
}

}  // namespace octet::serve
