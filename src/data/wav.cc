// SPDX-License-Identifier: Apache-2.0
#include "data/wav.h"

#include <cstring>

namespace octet::data {
namespace {

constexpr uint16_t kPcm = 1, kFloat = 3, kExtensible = 0xfffe;

template <class T> T At(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

struct Form {
  uint16_t code = 0, channels = 0, bits = 0;
  uint32_t rate = 0;
};

// Offset binary at 8 bits, two's complement above.
float Sample(std::span<const std::byte> data, size_t i, const Form& form) {
  if (form.code == kFloat) return form.bits == 32 ? At<float>(data, 4 * i) : static_cast<float>(At<double>(data, 8 * i));
  switch (form.bits) {
    case 8: return (static_cast<float>(At<uint8_t>(data, i)) - 128.0f) / 128.0f;
    case 16: return static_cast<float>(At<int16_t>(data, 2 * i)) / 32768.0f;
    case 24: {
      int32_t v = 0;
      std::memcpy(reinterpret_cast<char*>(&v) + 1, data.data() + 3 * i, 3);
      return static_cast<float>(v / 256) / 8388608.0f;
    }
    default: return static_cast<float>(static_cast<double>(At<int32_t>(data, 4 * i)) / 2147483648.0);
  }
}

}  // namespace

Result<Sound> ParseWav(std::span<const std::byte> bytes, const std::string& where) {
  const auto bad = [&](const char* what) { return Error(Code::kInvalidArgument, "%s: %s", where.c_str(), what); };
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "RIFF", 4) != 0 || std::memcmp(bytes.data() + 8, "WAVE", 4) != 0) return bad("not a RIFF WAVE file");
  Form form;
  for (size_t at = 12; bytes.size() - at >= 8;) {
    const std::span<const std::byte> name = bytes.subspan(at, 4);
    const uint32_t size = At<uint32_t>(bytes, at + 4);
    at += 8;
    const bool format = std::memcmp(name.data(), "fmt ", 4) == 0, data = std::memcmp(name.data(), "data", 4) == 0;
    if (size > bytes.size() - at) return bad("a chunk reaches beyond the end; the file may be cut off");
    if (format && size >= 16) {
      form = {At<uint16_t>(bytes, at), At<uint16_t>(bytes, at + 2), At<uint16_t>(bytes, at + 14), At<uint32_t>(bytes, at + 4)};
      if (form.code == kExtensible && size >= 26) form.code = At<uint16_t>(bytes, at + 24);
    }
    if (data) {
      const bool known = (form.code == kPcm && (form.bits == 8 || form.bits == 16 || form.bits == 24 || form.bits == 32)) ||
                         (form.code == kFloat && (form.bits == 32 || form.bits == 64));
      if (!known || form.channels == 0) return bad("expected PCM of 8, 16, 24 or 32 bits, or floats, before the data");
      Sound sound{static_cast<int32_t>(form.rate), form.channels, {}};
      const size_t each = form.bits / 8u, frames = size / (each * form.channels);
      sound.samples.resize(frames * form.channels);
      for (size_t i = 0; i < sound.samples.size(); ++i) sound.samples[i] = Sample(bytes.subspan(at, size), i, form);
      return sound;
    }
    at += std::min<size_t>(size + (size & 1), bytes.size() - at);  // Chunks are padded to even sizes.
  }
  return bad("no data chunk; the file may be cut off");
}

}  // namespace octet::data
