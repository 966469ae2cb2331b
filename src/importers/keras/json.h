// SPDX-License-Identifier: Apache-2.0
// A JSON value whose readers never fail: a missing key, a wrong index or a wrong kind is null. Members keep
// the file's order, which Keras gives meaning to.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace octet::importers::keras {

class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kInt, kFloat, kText, kList, kMap };

  // `where` names the file in errors. At most kMaxDepth levels deep, so that walks may recurse.
  static Result<Json> Parse(std::string_view text, const std::string& where);
  static constexpr int kMaxDepth = 256;

  Json() = default;
  explicit Json(bool v) : kind_(Kind::kBool), int_(v) {}
  explicit Json(int64_t v) : kind_(Kind::kInt), int_(v) {}
  explicit Json(double v) : kind_(Kind::kFloat), float_(v) {}
  explicit Json(std::string v) : kind_(Kind::kText), text_(std::move(v)) {}
  explicit Json(Kind kind) : kind_(kind) {}

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_text() const { return kind_ == Kind::kText; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_map() const { return kind_ == Kind::kMap; }
  bool is_number() const { return kind_ == Kind::kInt || kind_ == Kind::kFloat; }

  bool boolean() const { return int_ != 0; }
  int64_t integer() const;  // A whole float counts; 0 for other kinds.
  double number() const;    // Also of the texts "Infinity", "-Infinity" and "NaN", as Python writes them.
  const std::string& text() const { return text_; }

  const std::vector<Json>& items() const { return items_; }  // Of a list; the values of a map.
  const std::vector<std::string>& keys() const { return keys_; }
  size_t size() const { return items_.size(); }
  const Json& operator[](size_t i) const;
  const Json& operator[](std::string_view key) const;
  const Json& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  bool Has(std::string_view key) const { return !(*this)[key].is_null(); }

  // -- building
  Json& Append(Json value);
  Json& Set(std::string key, Json value);

 private:
  Kind kind_ = Kind::kNull;
  union {
    int64_t int_ = 0;
    double float_;
  };
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::string> keys_;
};

}  // namespace octet::importers::keras
