// SPDX-License-Identifier: Apache-2.0
#include "data/image.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

namespace octet::data {
namespace {

constexpr uint64_t kMostPixels = 1ull << 28;  // A quarter of a gigapixel: a header must not take the machine.

bool EndsWith(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         std::ranges::equal(name.substr(name.size() - ending.size()), ending, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

Status TooLarge(const std::string& where, uint64_t width, uint64_t height) {
  return Error(Code::kInvalidArgument, "%s: an image of %llux%llu pixels; at most %llu in all", where.c_str(), static_cast<unsigned long long>(width),
               static_cast<unsigned long long>(height), static_cast<unsigned long long>(kMostPixels));
}

// Luma of ITU-R BT.601 in 16 bits, as Pillow (and so Keras) converts.
void ToGray(Image* image) {
  std::vector<uint8_t> gray(image->pixels.size() / 3);
  for (size_t i = 0; i < gray.size(); ++i) {
    const uint32_t r = image->pixels[3 * i], g = image->pixels[3 * i + 1], b = image->pixels[3 * i + 2];
    gray[i] = static_cast<uint8_t>((r * 19595 + g * 38470 + b * 7471 + 32768) >> 16);
  }
  image->pixels = std::move(gray);
  image->channels = 1;
}

void ToColour(Image* image) {
  std::vector<uint8_t> colour(image->pixels.size() * 3);
  for (size_t i = 0; i < colour.size(); ++i) colour[i] = image->pixels[i / 3];
  image->pixels = std::move(colour);
  image->channels = 3;
}

Result<Image> DecodePng(std::span<const std::byte> bytes, const std::string& where) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    return Error(Code::kInvalidArgument, "%s: %s", where.c_str(), png.message);
  if (static_cast<uint64_t>(png.width) * png.height > kMostPixels) {
    png_image_free(&png);
    return TooLarge(where, png.width, png.height);
  }
  const bool colour = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  png.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image{static_cast<int32_t>(png.height), static_cast<int32_t>(png.width), colour ? 3 : 1, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr)) return Error(Code::kInvalidArgument, "%s: %s", where.c_str(), png.message);
  return image;
}

// libjpeg reports errors by a callback that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

void Fail(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

// No object with a destructor lives between setjmp and longjmp: pixels are the caller's.
bool ReadJpeg(std::span<const std::byte> bytes, jpeg_decompress_struct* info, JpegErrors* errors, Image* image) {
  if (setjmp(errors->escape)) return false;
  jpeg_create_decompress(info);
  jpeg_mem_src(info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(info, TRUE);
  info->out_color_space = info->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  image->height = static_cast<int32_t>(info->image_height);
  image->width = static_cast<int32_t>(info->image_width);
  image->channels = info->num_components == 1 ? 1 : 3;
  if (static_cast<uint64_t>(info->image_width) * info->image_height > kMostPixels) return true;
  jpeg_start_decompress(info);
  const size_t row = static_cast<size_t>(image->width) * static_cast<size_t>(image->channels);
  image->pixels.resize(row * static_cast<size_t>(image->height));
  while (info->output_scanline < info->output_height) {
    JSAMPROW line = image->pixels.data() + row * info->output_scanline;
    jpeg_read_scanlines(info, &line, 1);
  }
  jpeg_finish_decompress(info);
  return true;
}

Result<Image> DecodeJpeg(std::span<const std::byte> bytes, const std::string& where) {
  jpeg_decompress_struct info{};
  JpegErrors errors{};
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = Fail;
  errors.manager.output_message = [](j_common_ptr) {};  // Warnings: the picture is there, as viewers show it.
  Image image;
  const bool ok = ReadJpeg(bytes, &info, &errors, &image);
  jpeg_destroy_decompress(&info);
  if (!ok) return Error(Code::kInvalidArgument, "%s: %s", where.c_str(), errors.message);
  if (image.pixels.empty()) return TooLarge(where, static_cast<uint64_t>(image.width), static_cast<uint64_t>(image.height));
  return image;
}

}  // namespace

bool IsImageName(std::string_view name) { return EndsWith(name, ".png") || EndsWith(name, ".jpg") || EndsWith(name, ".jpeg"); }

Result<Image> DecodeImage(std::span<const std::byte> bytes, int channels, const std::string& where) {
  const bool png = bytes.size() >= 8 && std::memcmp(bytes.data(), "\x89PNG", 4) == 0;
  const bool jpeg = bytes.size() >= 3 && std::memcmp(bytes.data(), "\xff\xd8\xff", 3) == 0;
  if (!png && !jpeg) return Error(Code::kInvalidArgument, "%s: neither PNG nor JPEG", where.c_str());
  OCTET_ASSIGN(Image image, png ? DecodePng(bytes, where) : DecodeJpeg(bytes, where));
  if (channels == 1 && image.channels == 3) ToGray(&image);
  if (channels == 3 && image.channels == 1) ToColour(&image);
  return image;
}

}  // namespace octet::data
