// SPDX-License-Identifier: Apache-2.0
#include "fleet/record.h"

#include <array>
#include <charconv>

#include "fleet/json_cursor.h"

namespace octet::fleet {
namespace {

constexpr int64_t kYear3000Us = 32503680000000000;
constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kMostCount = 2'000'000'000;  // Fits the database's int.
constexpr int kMostOps = 64, kMostErrors = 16, kMostFallbacks = 32, kMostBuckets = 160, kHistogramHead = 7;

constexpr std::array<std::string_view, 8> kStages = {"queue", "copy_in", "invoke", "copy_out", "total", "load", "prepare", "first"};
constexpr std::array<std::string_view, 5> kCounts = {"ok", "deadline_miss", "shadow", "shadow_mismatch", "lost_frames"};
constexpr std::array<std::string_view, 6> kGauges = {"rss_kb", "limit_kb", "arena_kb", "temp_c", "freq_pct", "battery_pct"};
constexpr size_t kFirstSmallGauge = 3;  // From here on 16 bits.

constexpr std::array<std::string_view, 6> kNumbers = {"mem_mb", "threads", "thermal", "nodes", "delegated", "partitions"};  // In dimensions; all else is text.

template <size_t N> int IndexOf(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<int>(i);
  return -1;
}

bool IsHex(std::string_view text) {
  for (char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

// Names that go into the database's arrays and JSON as they are.
bool IsPlainName(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (char c : text)
    if (c == '"' || c == '\\' || c == '{' || c == '}') return false;
  return true;
}

void AppendInteger(int64_t value, std::string* out) {
  char digits[24];
  out->append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
}

// One histogram: checked, and written as an array of the database.
bool Histogram(JsonCursor& c, std::string* out) {
  int64_t head[kHistogramHead] = {}, sum = 0;
  int n = 0;
  bool first = true, right = true;
  if (!c.OpenArray()) return false;
  out->push_back('{');
  while (c.Element(&first)) {
    const int64_t value = c.Integer();
    if (n < kHistogramHead) head[n] = value;
    else if (value < 0 || value > kMostCount) right = false;
    else sum += value;
    if (++n > kHistogramHead + kMostBuckets) return c.Fail("a histogram has more than 160 buckets"), false;
    if (n > 1) out->push_back(',');
    AppendInteger(value, out);
  }
  out->push_back('}');
  if (!c.ok()) return false;
  const auto [scale, offset, zero, count, total, least, most] = head;
  if (n < kHistogramHead || scale < -4 || scale > 8 || offset < -1'000'000 || offset > 1'000'000) return c.Fail("not a histogram"), false;
  if (zero < 0 || count < 1 || count > kMostCount || total < 0 || total > 1'000'000'000'000'000'000)
    return c.Fail("a histogram's count or sum is impossible"), false;
  if (least < 0 || most < least || most > 1'000'000'000'000'000) return c.Fail("a histogram's min or max is impossible"), false;
  if (!right || zero > count || sum != count - zero) return c.Fail("a histogram's buckets do not add up to its count"), false;
  return true;
}

struct Fields {
  int64_t version = 0, seq = 0, start_us = -1, end_us = -1, mono_us = 0;
  std::string_view device, boot, hardware = "{}", key = "{}", kind;
  std::array<int64_t, kCounts.size()> counts{};
  std::array<int64_t, kGauges.size()> gauges{};
  std::array<bool, kGauges.size()> has_gauge{};
  int64_t errors = 0;
  std::array<std::string, kStages.size()> stages;
  std::string ops, errors_json, fallback_json;
};

// An object of strings and integers with short values: what becomes a dimension row.
std::string_view Dimension(JsonCursor& c) {
  JsonCursor members = c;
  const std::string_view text = c.Skip();
  std::string_view name;
  bool first = true;
  int n = 0;
  if (!members.OpenObject()) return c.Fail(members.error()), text;
  while (members.Member(&name, &first)) {
    if (++n > 32) return c.Fail("more than 32 fields"), text;
    if (name == "overflow") {
      members.Bool();
    } else if (IndexOf(kNumbers, name) >= 0) {
      if (const int64_t value = members.Integer(); value < -1 || value > kMostCount) members.Fail("a number out of range");
    } else if (members.String().size() > 128) {
      members.Fail("a text over 128 bytes");
    }
  }
  if (!members.ok()) c.Fail(members.error());
  return text;
}

void Latencies(JsonCursor& c, Fields* f) {
  std::string_view name;
  bool first = true;
  if (!c.OpenObject()) return;
  while (c.Member(&name, &first)) {
    const int stage = IndexOf(kStages, name);
    if (stage < 0) c.Skip();  // A later version's.
    else if (!f->stages[static_cast<size_t>(stage)].empty()) return c.Fail("a stage twice");
    else if (!Histogram(c, &f->stages[static_cast<size_t>(stage)])) return;
  }
}

void Operators(JsonCursor& c, Fields* f) {
  std::string_view name;
  bool first = true;
  int n = 0;
  if (!c.OpenObject()) return;
  while (c.Member(&name, &first)) {
    if (++n > kMostOps) return c.Fail("more than 64 operators");
    if (!IsPlainName(name)) return c.Fail("not an operator's name");
    f->ops += n == 1 ? "{\"" : ",\"";
    f->ops.append(name).append("\":\"");
    if (!Histogram(c, &f->ops)) return;
    f->ops += '"';
  }
  if (n > 0) f->ops += '}';
}

int64_t Count(JsonCursor& c) {
  const int64_t value = c.Integer();
  if (value < 0 || value > kMostCount) c.Fail("a count out of range");
  return value;
}

void Counts(JsonCursor& c, Fields* f) {
  std::string_view name;
  bool first = true;
  if (!c.OpenObject()) return;
  while (c.Member(&name, &first)) {
    const int which = IndexOf(kCounts, name);
    if (which < 0) c.Skip();
    else f->counts[static_cast<size_t>(which)] = Count(c);
  }
}

void Gauges(JsonCursor& c, Fields* f) {
  std::string_view name;
  bool first = true;
  if (!c.OpenObject()) return;
  while (c.Member(&name, &first)) {
    const int which = IndexOf(kGauges, name);
    if (which < 0) {
      c.Skip();
      continue;
    }
    const auto i = static_cast<size_t>(which);
    f->gauges[i] = c.Integer();
    f->has_gauge[i] = f->gauges[i] != -1;
    if (f->gauges[i] < (i >= kFirstSmallGauge ? -300 : -1) || f->gauges[i] > (i >= kFirstSmallGauge ? 30000 : kMostCount))
      return c.Fail("a gauge out of range");
  }
}

void Errors(JsonCursor& c, Fields* f) {
  std::string_view name;
  bool first = true;
  int n = 0;
  if (!c.OpenObject()) return;
  while (c.Member(&name, &first)) {
    if (++n > kMostErrors || !IsPlainName(name)) return c.Fail("more than 16 codes, or a code that is no name");
    const int64_t value = Count(c);
    f->errors += value;
    f->errors_json += n == 1 ? "{\"" : ",\"";
    f->errors_json.append(name).append("\":");
    AppendInteger(value, &f->errors_json);
  }
  if (f->errors > kMostCount) c.Fail("a count out of range");
  if (n > 0) f->errors_json += '}';
}

void Fallbacks(JsonCursor& c, Fields* f) {
  bool first = true;
  int n = 0;
  if (!c.OpenArray()) return;
  while (c.Element(&first)) {
    bool inner = true;
    if (++n > kMostFallbacks || !c.OpenArray() || !c.Element(&inner)) return c.Fail("more than 32, or not [operator, reason, count]");
    const std::string_view op = c.String();
    if (!c.Element(&inner)) return c.Fail("not [operator, reason, count]");
    const std::string_view reason = c.String();
    if (!c.Element(&inner) || !IsPlainName(op) || !IsPlainName(reason)) return c.Fail("not [operator, reason, count]");
    f->fallback_json += n == 1 ? "[[\"" : ",[\"";
    f->fallback_json.append(op).append("\",\"").append(reason).append("\",");
    AppendInteger(Count(c), &f->fallback_json);
    f->fallback_json += ']';
    if (c.Element(&inner)) return c.Fail("not [operator, reason, count]");
  }
  if (n > 0) f->fallback_json += ']';
}

struct Reader {
  std::string_view name;
  void (*read)(JsonCursor&, Fields*);
};
// In the order in which they usually come. A field that is not listed belongs to a later version: skipped.
constexpr Reader kReaders[] = {
    {"v", [](JsonCursor& c, Fields* f) { f->version = c.Integer(); }},
    {"kind", [](JsonCursor& c, Fields* f) { f->kind = c.String(); }},
    {"device", [](JsonCursor& c, Fields* f) { f->device = c.String(); }},
    {"boot", [](JsonCursor& c, Fields* f) { f->boot = c.String(); }},
    {"seq", [](JsonCursor& c, Fields* f) { f->seq = c.Integer(); }},
    {"start_us", [](JsonCursor& c, Fields* f) { f->start_us = c.Integer(); }},
    {"end_us", [](JsonCursor& c, Fields* f) { f->end_us = c.Integer(); }},
    {"mono_us", [](JsonCursor& c, Fields* f) { f->mono_us = c.Integer(); }},
    {"hardware", [](JsonCursor& c, Fields* f) { f->hardware = Dimension(c); }},
    {"key", [](JsonCursor& c, Fields* f) { f->key = Dimension(c); }},
    {"lat", Latencies},
    {"ops", Operators},
    {"count", Counts},
    {"errors", Errors},
    {"fallback", Fallbacks},
    {"gauge", Gauges},
};
static_assert(std::size(kReaders) <= 32);

bool ReadFields(std::string_view text, Fields* f, Line* line) {
  JsonCursor c(text);
  std::string_view name;
  bool first = true;
  uint32_t seen = 0;
  const auto fail = [&](const char* error) {
    line->error = error;
    line->field = name;
    return false;
  };
  c.OpenObject();
  while (c.Member(&name, &first)) {
    size_t i = 0;
    while (i < std::size(kReaders) && kReaders[i].name != name) ++i;
    if (i == std::size(kReaders)) {
      c.Skip();
      continue;
    }
    if (seen >> i & 1) return fail("twice");
    seen |= 1u << i;
    kReaders[i].read(c, f);
    if (f->kind == "status") break;  // Has its own fields.
  }
  if (!c.ok()) return fail(c.error());
  name = {};
  return f->kind == "status" || c.AtEnd() || fail("more text after the object");
}

const char* CheckIdentity(const Fields& f, std::string_view device, std::string_view* field) {
  *field = "v";
  if (f.version != 1) return "this collector knows version 1";
  *field = "device";
  if (f.device != device) return "not the device of the token";
  *field = "boot";
  if (f.boot.size() != 16 || !IsHex(f.boot)) return "expected 16 hex digits";
  *field = "seq";
  if (f.seq < 1) return "expected 1 or more";
  *field = "start_us";
  if (f.start_us < 0 || f.start_us > kYear3000Us) return "not a time";
  *field = "end_us";
  if (f.end_us < f.start_us || f.end_us - f.start_us > kDayUs) return "before start_us, or more than a day after it";
  return nullptr;
}

int64_t BootNumber(std::string_view hex) {
  uint64_t value = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  return static_cast<int64_t>(value);
}

// "2026-11-26 01:02:03.000004+00": what COPY reads fastest. Days to a date by Howard Hinnant's civil_from_days.
void AppendTime(int64_t us, std::string* out) {
  const int64_t days = us / kDayUs, rest = us % kDayUs;
  const int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
  const auto digits = [out](int64_t value, int width) {
    char text[8];
    for (int i = width - 1; i >= 0; --i, value /= 10) text[i] = static_cast<char>('0' + value % 10);
    out->append(text, static_cast<size_t>(width));
  };
  digits(year, 4), *out += '-', digits(month, 2), *out += '-', digits(day, 2), *out += ' ';
  digits(rest / 3'600'000'000, 2), *out += ':', digits(rest / 60'000'000 % 60, 2), *out += ':', digits(rest / 1'000'000 % 60, 2), *out += '.',
      digits(rest % 1'000'000, 6);
  *out += "+00";
}

class RowWriter {
 public:
  explicit RowWriter(std::string* out) : out_(out) {}
  void Time(int64_t us) { Next(), AppendTime(us, out_); }
  void Integer(int64_t value) { Next(), AppendInteger(value, out_); }
  void Text(std::string_view text) { Next(), out_->append(text); }  // Holds no backslash, tab or line break.
  void OrNull(std::string_view text) { Text(text.empty() ? "\\N" : text); }
  void End() { *out_ += '\n'; }

 private:
  void Next() {
    if (!first_) *out_ += '\t';
    first_ = false;
  }
  std::string* out_;
  bool first_ = true;
};

void WriteRow(const Fields& f, int device_id, int hardware, int series, std::string* rows) {
  RowWriter w(rows);
  w.Time(f.start_us);
  for (int64_t value : {BootNumber(f.boot), f.seq, f.mono_us, int64_t{device_id}, int64_t{hardware}, int64_t{series}, (f.end_us - f.start_us) / 1000, f.errors})
    w.Integer(value);
  for (int64_t value : f.counts) w.Integer(value);
  for (size_t i = 0; i < kGauges.size(); ++i) {
    if (f.has_gauge[i]) w.Integer(f.gauges[i]);
    else w.OrNull({});
  }
  for (const std::string& stage : f.stages) w.OrNull(stage);
  w.OrNull(f.ops);
  std::string detail;
  if (!f.errors_json.empty()) detail += "{\"errors\":" + f.errors_json;
  if (!f.fallback_json.empty()) detail += (detail.empty() ? "{\"fallback\":" : ",\"fallback\":") + f.fallback_json;
  w.OrNull(detail.empty() ? detail : detail + "}");
  w.End();
}

Line Rejected(const char* error, std::string_view field) {
  Line line;
  line.error = error;
  line.field = field;
  return line;
}

// Only what fleet.note_statuses() reads must be right.
const char* CheckStatus(std::string_view text, std::string_view device, std::string_view* field) {
  JsonCursor c(text);
  bool first = true, named = false;
  std::string_view name, spool, boot;
  int64_t version = 0, committed = -1, sent_us = -1;
  *field = "status";
  c.OpenObject();
  const auto hex = [&c] {
    const std::string_view value = c.String();
    if (value.size() != 16 || !IsHex(value)) c.Fail("expected 16 hex digits");
    return value;
  };
  const auto natural = [&c](int64_t most) {
    const int64_t value = c.Integer();
    if (value < 0 || value > most) c.Fail("a count out of range");
    return value;
  };
  constexpr int64_t kMost = int64_t{1} << 53;
  while (c.Member(&name, &first)) {
    bool inner = true;
    std::string_view member;
    if (name == "v") version = c.Integer();
    else if (name == "device") named = c.String() == device;
    else if (name == "spool") spool = hex();
    else if (name == "boot") boot = hex();
    else if (name == "committed") committed = natural(kMost);
    else if (name == "sent_us") sent_us = natural(kYear3000Us);
    else if (name == "depth" || name == "bytes" || name == "uptime_us") natural(kMost);
    else if (name == "dropped" && c.OpenObject()) while (c.Member(&member, &inner)) natural(kMost);
    else if (name == "previous" && c.OpenObject()) {
      int parts = 0;
      while (c.Member(&member, &inner)) {
        if (member == "boot") hex(), ++parts;
        else if (member == "last_seq") natural(INT64_MAX), ++parts;
        else if (member == "clean") c.Bool(), ++parts;
        else c.Skip();
      }
      if (parts != 3) return "previous: expected boot, last_seq and clean";
    } else {
      c.Skip();
    }
    if (!c.ok()) return *field = name, c.error();
  }
  if (!c.AtEnd()) return c.error() ? c.error() : "more text after the object";
  if (!named) return "not the device of the token";
  if (version != 1) return "this collector knows version 1";
  return spool.empty() || boot.empty() || committed < 0 || sent_us < 0 ? "expected spool, boot, committed and sent_us" : nullptr;
}

}  // namespace

// batch_sums.cc knows the order.
const char* const kCopyRecords =
    "COPY fleet.record (at, boot, seq, mono_us, device_id, hardware_id, series_id, span_ms, errors, ok, deadline_miss, shadow, shadow_mismatch, lost_frames, "
    "rss_kb, limit_kb, arena_kb, temp_c, freq_pct, battery_pct, queue, copy_in, invoke, copy_out, total, load, prepare, first, ops, detail) FROM STDIN";

Line ParseLine(std::string_view text, int device_id, std::string_view device, Dimensions& dimensions, std::string* rows) {
  Line line;
  if (text.size() > kMostLineBytes) return Rejected("a line over 64 KiB", {});
  if (!IsUtf8(text)) return Rejected("not UTF-8", {});
  Fields f;
  if (!ReadFields(text, &f, &line)) return line;
  if (f.kind == "status") {
    line.error = CheckStatus(text, device, &line.field);
    line.status = line.error == nullptr;
    return line;
  }
  if (!f.kind.empty()) return Rejected("an unknown kind of line", "kind");
  line.error = CheckIdentity(f, device, &line.field);
  if (line.error) return line;
  const int hardware = dimensions.Hardware(device_id, f.hardware), series = hardware ? dimensions.Series(device_id, f.key) : 0;
  if (hardware == 0 || series == 0) return Rejected("too many new values of one device today", hardware == 0 ? "hardware" : "key");
  WriteRow(f, device_id, hardware, series, rows);
  line.identity = {BootNumber(f.boot), f.seq, f.start_us};
  line.hardware = hardware;
  return line;
}

}  // namespace octet::fleet
