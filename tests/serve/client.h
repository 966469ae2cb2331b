// SPDX-License-Identifier: Apache-2.0
// A client that says exactly what a test wants to say, wrong things too.
#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>

namespace octet::test {

class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  bool Send(std::string_view text) { return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
  // One response: headers and as many bytes as Content-Length says. Empty when the server closed instead.
  std::string Receive() {
    while (true) {
      const size_t end = got_.find("\r\n\r\n");
      if (end != std::string::npos) {
        const size_t at = got_.find("Content-Length: ");
        const size_t length = at < end ? std::stoul(got_.substr(at + 16)) : 0;
        if (got_.size() >= end + 4 + length) {
          const std::string response = got_.substr(0, end + 4 + length);
          got_.erase(0, response.size());
          return response;
        }
      }
      char buffer[65536];
      const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) return "";
      got_.append(buffer, static_cast<size_t>(n));
    }
  }
  std::string Ask(std::string_view text) { return Send(text) ? Receive() : ""; }

 private:
  int fd_;
  bool connected_ = false;
  std::string got_;
};

}  // namespace octet::test
