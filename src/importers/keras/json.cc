// SPDX-License-Identifier: Apache-2.0
// The only file of the importers that sees nlohmann's parser. Its event interface neither throws nor recurses.
#include "importers/keras/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace octet::importers::keras {
namespace {

const Json kNull{};

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add(Json()); }
  bool boolean(bool v) override { return Add(Json(v)); }
  bool number_integer(int64_t v) override { return Add(Json(v)); }
  bool number_unsigned(uint64_t v) override {
    return Add(v <= INT64_MAX ? Json(static_cast<int64_t>(v)) : Json(static_cast<double>(v)));
  }
  bool number_float(double v, const std::string&) override { return Add(Json(v)); }
  bool string(std::string& v) override { return Add(Json(std::move(v))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::Kind::kMap); }
  bool key(std::string& v) override {
    names_.back() = std::move(v);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::Kind::kList); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    problem = Format("wrong JSON at byte %zu", position);
    return false;
  }

  Json root;
  std::string problem;

 private:
  bool Open(Json::Kind kind) {
    if (open_.size() == static_cast<size_t>(Json::kMaxDepth)) {
      problem = Format("more than %d levels of nesting", Json::kMaxDepth);
      return false;
    }
    open_.emplace_back(kind);
    names_.emplace_back();
    return true;
  }
  bool Close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    names_.pop_back();
    return Add(std::move(done));
  }
  bool Add(Json value) {
    if (open_.empty()) root = std::move(value);
    else if (open_.back().is_map()) open_.back().Set(std::move(names_.back()), std::move(value));
    else open_.back().Append(std::move(value));
    return true;
  }

  std::vector<Json> open_;
  std::vector<std::string> names_;
};

// Python writes NaN and Infinity bare, which JSON does not know: put them into quotes.
std::string QuoteSpecialNumbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\' && i + 1 < text.size()) out += text[i++];
    if (!quoted) {
      const std::string_view rest = text.substr(i);
      const auto word = rest.starts_with("NaN") ? rest.substr(0, 3) : rest.starts_with("Infinity") ? rest.substr(0, 8)
                        : rest.starts_with("-Infinity") ? rest.substr(0, 9) : std::string_view();
      if (!word.empty()) {
        out += '"' + std::string(word) + '"';
        i += word.size() - 1;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace

Result<Json> Json::Parse(std::string_view text, const std::string& where) {
  Builder builder;
  bool good = false;
  try {
    good = nlohmann::json::sax_parse(QuoteSpecialNumbers(text), &builder);
  } catch (const std::exception& e) {
    builder.problem = e.what();
  }
  if (!good) return Error(Code::kInvalidModel, "'%s': %s", where.c_str(), builder.problem.c_str());
  return std::move(builder.root);
}

int64_t Json::integer() const {
  if (kind_ == Kind::kInt || kind_ == Kind::kBool) return int_;
  if (kind_ != Kind::kFloat || !(std::fabs(float_) < 9e18)) return 0;
  return static_cast<int64_t>(float_);
}

double Json::number() const {
  if (kind_ == Kind::kFloat) return float_;
  if (kind_ == Kind::kInt || kind_ == Kind::kBool) return static_cast<double>(int_);
  if (text_ == "Infinity") return std::numeric_limits<double>::infinity();
  if (text_ == "-Infinity") return -std::numeric_limits<double>::infinity();
  return text_ == "NaN" ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

const Json& Json::operator[](size_t i) const { return i < items_.size() ? items_[i] : kNull; }

const Json& Json::operator[](std::string_view key) const {
  const auto it = std::ranges::find(keys_, key);
  return it == keys_.end() ? kNull : items_[static_cast<size_t>(it - keys_.begin())];
}

Json& Json::Append(Json value) {
  items_.push_back(std::move(value));
  return *this;
}

Json& Json::Set(std::string key, Json value) {
  keys_.push_back(std::move(key));
  return Append(std::move(value));
}

}  // namespace octet::importers::keras
