// SPDX-License-Identifier: Apache-2.0
#include "telemetry/http_post.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>

namespace octet::telemetry {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t kMaxResponse = 64 << 10;

// The steps of one POST; each hands on to the next. Runs until done or until the deadline.
template <class Stream> class Exchange {
 public:
  Exchange(asio::io_context* io, Stream stream, const PostRequest& r) : io_(*io), resolver_(*io), stream_(std::move(stream)), request_(r) {
    message_.method(http::verb::post);
    message_.target(r.url.path);
    message_.version(11);
    message_.set(http::field::host, r.url.host);
    message_.set(http::field::user_agent, "octet");
    for (const auto& [name, value] : r.headers) message_.set(name, value);
    message_.body() = r.body;
    message_.keep_alive(false);
    message_.prepare_payload();
    parser_.body_limit(kMaxResponse);
  }

  Result<PostResponse> Run() {
    beast::get_lowest_layer(stream_).expires_after(request_.timeout);
    resolver_.async_resolve(request_.url.host, request_.url.port, [this](error_code e, const tcp::resolver::results_type& found) {
      if (Ok(e, "the host's name")) beast::get_lowest_layer(stream_).async_connect(found, [this](error_code c, const tcp::endpoint&) { OnConnect(c); });
    });
    io_.run_for(request_.timeout);  // A resolver cannot be hurried; leaving it ends the wait.
    if (!done_ && failed_.empty()) failed_ = Format("no answer after %lld ms", static_cast<long long>(request_.timeout.count()));
    if (!done_) return Error(Code::kIo, "%s: %s", request_.url.host.c_str(), failed_.c_str());
    PostResponse response;
    response.status = static_cast<int>(parser_.get().result_int());
    response.body = std::move(parser_.get().body());
    const auto wait = parser_.get()[http::field::retry_after];
    std::from_chars(wait.data(), wait.data() + wait.size(), response.retry_after_s);
    return response;
  }

 private:
  bool Ok(error_code e, const char* what) {
    if (e) failed_ = std::string(what) + ": " + e.message();
    return !e;
  }
  void OnConnect(error_code e) {
    if (!Ok(e, "connecting")) return;
    if constexpr (std::is_same_v<Stream, beast::tcp_stream>) Write();
    else stream_.async_handshake(ssl::stream_base::client, [this](error_code h) {
        if (Ok(h, "TLS")) Write();
      });
  }
  void Write() {
    http::async_write(stream_, message_, [this](error_code e, size_t) {
      if (!Ok(e, "sending")) return;
      http::async_read(stream_, buffer_, parser_, [this](error_code r, size_t) { done_ = Ok(r, "reading the answer"); });
    });
  }

  asio::io_context& io_;
  tcp::resolver resolver_;
  Stream stream_;
  const PostRequest& request_;
  http::request<http::string_body> message_;
  http::response_parser<http::string_body> parser_;
  beast::flat_buffer buffer_{kMaxResponse};
  std::string failed_;
  bool done_ = false;
};

Result<PostResponse> SecurePost(asio::io_context* io, const PostRequest& r) {
  ssl::context context(ssl::context::tls_client);
  error_code error;
  context.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.set_verify_mode(ssl::verify_peer);
  if (r.ca_file.empty()) context.set_default_verify_paths(error);
  else context.load_verify_file(r.ca_file, error);
  if (error) return Error(Code::kInvalidArgument, "'%s': expected certificates in PEM form: %s", r.ca_file.c_str(), error.message().c_str());
  beast::ssl_stream<beast::tcp_stream> stream(beast::tcp_stream(*io), context);
  stream.set_verify_callback(ssl::host_name_verification(r.url.host));
  SSL_set_tlsext_host_name(stream.native_handle(), r.url.host.c_str());
  return Exchange<beast::ssl_stream<beast::tcp_stream>>(io, std::move(stream), r).Run();
}

}  // namespace

Result<Url> ParseUrl(const std::string& text) {
  Url url;
  std::string_view rest = text;
  url.tls = rest.starts_with("https://");
  if (!url.tls && !rest.starts_with("http://")) return Error(Code::kInvalidArgument, "'%s': expected http://HOST[:PORT]/PATH or https://…", text.c_str());
  rest.remove_prefix(url.tls ? 8 : 7);
  const size_t slash = std::min(rest.find('/'), rest.size());
  url.path = slash < rest.size() ? rest.substr(slash) : "/";
  std::string_view authority = rest.substr(0, slash);
  const size_t bracket = authority.find(']'), colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  url.port = has_port ? authority.substr(colon + 1) : url.tls ? "443" : "80";
  url.host = authority.substr(0, has_port ? colon : authority.size());
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  const bool good_port = !url.port.empty() && url.port.size() <= 5 && url.port.find_first_not_of("0123456789") == std::string::npos;
  if (url.host.empty() || !good_port || text.find_first_of(" \r\n") != std::string::npos)
    return Error(Code::kInvalidArgument, "'%s': expected http://HOST[:PORT]/PATH or https://…", text.c_str());
  return url;
}

Result<PostResponse> HttpPost(const PostRequest& request) {
  asio::io_context io;
  return request.url.tls ? SecurePost(&io, request) : Exchange<beast::tcp_stream>(&io, beast::tcp_stream(io), request).Run();
}

}  // namespace octet::telemetry
