// SPDX-License-Identifier: Apache-2.0
#include "report/png.h"

#include <algorithm>
#include <vector>

namespace octet::report {
namespace {

using Bytes = std::vector<uint8_t>;

void PutBig(uint32_t v, Bytes& to) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(v >> shift));
}

// CRC-32 of ISO 3309, as PNG asks for.
uint32_t Crc(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (uint8_t b : bytes) {
    crc ^= b;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

void PutChunk(const char (&name)[5], const Bytes& data, Bytes& to) {
  PutBig(static_cast<uint32_t>(data.size()), to);
  const size_t from = to.size();
  to.insert(to.end(), name, name + 4);
  to.insert(to.end(), data.begin(), data.end());
  PutBig(Crc(std::span(to).subspan(from)), to);
}

// zlib's form (RFC 1950) around stored blocks (RFC 1951).
Bytes Stored(const Bytes& raw) {
  constexpr size_t kLargestBlock = 65535;
  Bytes out{0x78, 0x01};
  for (size_t at = 0; at < raw.size() || at == 0; at += kLargestBlock) {
    const size_t n = std::min(kLargestBlock, raw.size() - at);
    out.push_back(at + n >= raw.size());
    for (size_t v : {n, ~n}) {
      out.push_back(static_cast<uint8_t>(v));
      out.push_back(static_cast<uint8_t>(v >> 8));
    }
    out.insert(out.end(), raw.begin() + static_cast<int64_t>(at), raw.begin() + static_cast<int64_t>(at + n));
  }
  uint32_t a = 1, b = 0;  // Adler-32.
  for (uint8_t v : raw) {
    a = (a + v) % 65521;
    b = (b + a) % 65521;
  }
  PutBig(b << 16 | a, out);
  return out;
}

std::string Base64(const Bytes& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](size_t k) -> uint32_t { return i + k < bytes.size() ? bytes[i + k] : 0; };
    const uint32_t v = at(0) << 16 | at(1) << 8 | at(2);
    for (int k = 0; k < 4; ++k) text += i + static_cast<size_t>(k) > bytes.size() ? '=' : kDigits[v >> (18 - 6 * k) & 63];
  }
  return text;
}

}  // namespace

std::string PngUri(int height, int width, int channels, std::span<const uint8_t> pixels) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header, rows;
  PutBig(static_cast<uint32_t>(width), header);
  PutBig(static_cast<uint32_t>(height), header);
  header.insert(header.end(), {8, static_cast<uint8_t>(channels == 3 ? 2 : 0), 0, 0, 0});
  const size_t row = static_cast<size_t>(width) * static_cast<size_t>(channels);
  for (size_t at = 0; at + row <= pixels.size() && row > 0; at += row) {
    rows.push_back(0);  // No filter.
    rows.insert(rows.end(), pixels.begin() + static_cast<int64_t>(at), pixels.begin() + static_cast<int64_t>(at + row));
  }
  PutChunk("IHDR", header, png);
  PutChunk("IDAT", Stored(rows), png);
  PutChunk("IEND", {}, png);
  return "data:image/png;base64," + Base64(png);
}

}  // namespace octet::report
