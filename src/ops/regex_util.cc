// SPDX-License-Identifier: Apache-2.0
// A pattern becomes a program of steps; all ways through it are followed at once, the better ones first
// (Thompson's method with Pike's groups; described by Russ Cox, swtch.com/~rsc/regexp/regexp2.html).
#include "ops/regex_util.h"

#include <algorithm>

#include "base/utf8.h"

namespace octet::ops {
namespace {

constexpr size_t kMostSteps = 4000, kMostWork = 100000, kMostRanges = 20000;
constexpr int kMostDepth = 100, kMostRepeats = 1000;
constexpr int32_t kLastRune = 0x10ffff;

bool IsWord(int32_t r) { return r == '_' || (r >= '0' && r <= '9') || ((r | 32) >= 'a' && (r | 32) <= 'z' && r < 128); }

}  // namespace

// ------------------------------------------------------------------------------- parsing

// Pattern -> tree -> steps.
class RegexParser {
 public:
  RegexParser(std::string_view pattern, Regex* to) : rest_(pattern), to_(*to) {}

  Status Run() {
    const int32_t root = Alternatives(0);
    if (ok_ && !rest_.empty()) Fail("an unexpected ')'");
    if (ok_) {
      Emit({.op = Op::kSave, .first = 0});
      Compile(root, 0);
      Emit({.op = Op::kSave, .first = 1});
      Emit({.op = Op::kMatch});
    }
    to_.groups_ = groups_;
    return ok_ ? Status() : Error(Code::kUnsupported, "%s", trouble_);
  }

 private:
  using Op = Regex::Op;
  using Where = Regex::Where;
  using Range = Regex::Range;
  enum class Kind : uint8_t { kEmpty, kRune, kAssert, kAll, kAny, kRepeat, kGroup };
  struct Node {
    Kind kind = Kind::kEmpty;
    Where where = {};
    bool greedy = true;
    int least = 0, most = 0;        // kRepeat; -1: without end. kGroup: its number in `least`.
    int32_t first = 0, second = 0;  // Ranges of kRune.
    std::vector<int32_t> parts = {};
  };
  struct Flags {
    bool fold = false, dot_all = false, lines = false;
  };

  int32_t Fail(const char* why) {
    if (ok_) trouble_ = why;
    ok_ = false;
    return 0;
  }
  int32_t Add(Node n) {
    if (nodes_.size() > kMostSteps) return Fail("the pattern is too long");
    nodes_.push_back(std::move(n));
    return static_cast<int32_t>(nodes_.size()) - 1;
  }
  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  int32_t TakeRune() {
    size_t length = 0;
    const int32_t r = DecodeUtf8(rest_, &length);
    rest_.remove_prefix(length);
    return r < 0 ? Fail("the pattern is no UTF-8") : r;
  }

  // -- a|b
  int32_t Alternatives(int depth) {
    if (depth > kMostDepth) return Fail("groups lie too deep");
    const Flags outside = flags_;
    Node any{.kind = Kind::kAny};
    do any.parts.push_back(Sequence(depth));
    while (ok_ && Take("|"));
    flags_ = outside;
    return any.parts.size() == 1 ? any.parts[0] : Add(std::move(any));
  }
  int32_t Sequence(int depth) {
    Node all{.kind = Kind::kAll};
    while (ok_ && !rest_.empty() && rest_[0] != '|' && rest_[0] != ')') all.parts.push_back(Repeated(depth));
    return all.parts.size() == 1 ? all.parts[0] : Add(std::move(all));
  }

  // -- x*, x{2,3}?
  int32_t Repeated(int depth) {
    const int32_t x = Single(depth);
    Node n{.kind = Kind::kRepeat, .parts = {x}};
    if (!ok_ || !Times(&n)) return x;
    if (Take("?")) n.greedy = false;
    Node again;
    if (ok_ && Times(&again)) return Fail("a repetition of a repetition");
    return Add(std::move(n));
  }
  bool Times(Node* n) {
    if (Take("*")) n->least = 0, n->most = -1;
    else if (Take("+")) n->least = 1, n->most = -1;
    else if (Take("?")) n->least = 0, n->most = 1;
    else return Counted(n);
    return true;
  }
  // {2}, {2,} or {2,3}; anything else is an ordinary brace.
  bool Counted(Node* n) {
    const std::string_view before = rest_;
    if (!Take("{")) return false;
    int least = 0, most = 0;
    bool good = Number(&least);
    most = least;
    if (good && Take(",")) {
      most = -1;
      if (!rest_.empty() && rest_[0] != '}') good = Number(&most);
    }
    if (!good || !Take("}")) return rest_ = before, false;
    if (least > kMostRepeats || most > kMostRepeats || (most >= 0 && most < least)) return Fail("a repetition that is out of range"), false;
    n->least = least;
    n->most = most;
    return true;
  }
  bool Number(int* value) {
    if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return false;
    *value = 0;
    for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1)) *value = std::min(*value * 10 + (rest_[0] - '0'), kMostRepeats + 1);
    return true;
  }

  // -- one character, class, group or place
  int32_t Single(int depth) {
    if (Take("(")) return Group(depth);
    if (Take("[")) return Class();
    if (Take(".")) {
      if (flags_.dot_all) return Runes({{0, kLastRune}});
      return Runes({{0, '\n' - 1}, {'\n' + 1, kLastRune}});
    }
    if (Take("^")) return Place(flags_.lines ? Where::kBeginLine : Where::kBeginText);
    if (Take("$")) return Place(flags_.lines ? Where::kEndLine : Where::kEndText);
    if (Take("\\")) return Escape();
    if (rest_.find_first_of("*+?") == 0) return Fail("a repetition of nothing");
    const int32_t r = TakeRune();
    return Runes({{r, r}});
  }
  int32_t Place(Where where) { return Add({.kind = Kind::kAssert, .where = where}); }

  int32_t Group(int depth) {
    const Flags outside = flags_;
    int number = -1;
    if (Take("?P<") || Take("?<")) {
      const size_t end = rest_.find('>');
      if (end == std::string_view::npos || end == 0 || rest_[0] == '=' || rest_[0] == '!') return Fail("a group that looks around, or without a name");
      rest_.remove_prefix(end + 1);
      number = ++groups_;
    } else if (Take("?")) {
      if (!SetFlags()) return 0;
      if (Take(")")) return Add({});  // For the rest of the group around.
      if (!Take(":")) return Fail("an unknown kind of group");
    } else {
      number = ++groups_;
    }
    const int32_t inside = Alternatives(depth + 1);
    flags_ = outside;
    if (!Take(")")) return Fail("a '(' without its ')'");
    return number < 0 ? inside : Add({.kind = Kind::kGroup, .least = number, .parts = {inside}});
  }
  // As in (?i-s).
  bool SetFlags() {
    bool on = true;
    for (; !rest_.empty() && rest_[0] != ')' && rest_[0] != ':'; rest_.remove_prefix(1)) {
      if (rest_[0] == '-') on = false;
      else if (rest_[0] == 'i') flags_.fold = on;
      else if (rest_[0] == 's') flags_.dot_all = on;
      else if (rest_[0] == 'm') flags_.lines = on;
      else return Fail("a flag other than i, s and m"), false;
    }
    return true;
  }

  int32_t Escape() {
    if (rest_.empty()) return Fail("a '\\' at the end");
    switch (rest_[0]) {
      case 'b': return Skip(), Place(Where::kWord);
      case 'B': return Skip(), Place(Where::kNotWord);
      case 'A': return Skip(), Place(Where::kBeginText);
      case 'z': return Skip(), Place(Where::kEndText);
      default: break;
    }
    std::vector<Range> ranges;
    if (PerlClass(&ranges)) return Runes(std::move(ranges), false);
    const int32_t r = EscapedRune();
    return Runes({{r, r}});
  }
  void Skip() { rest_.remove_prefix(1); }

  // \d \w \s and their opposites.
  bool PerlClass(std::vector<Range>* ranges) {
    std::vector<Range> set;
    switch (rest_.empty() ? 0 : rest_[0] | 32) {
      case 'd': set = {{'0', '9'}}; break;
      case 'w': set = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}; break;
      case 's': set = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}; break;
      default: return false;
    }
    if (rest_[0] < 'a') set = Others(set);
    ranges->insert(ranges->end(), set.begin(), set.end());
    Skip();
    return true;
  }

  int32_t EscapedRune() {
    const char c = rest_.empty() ? '\0' : rest_[0];
    constexpr std::string_view kNames = "aftnrv", kRunes = "\a\f\t\n\r\v";
    if (const size_t at = kNames.find(c); c && at != std::string_view::npos) return Skip(), kRunes[at];
    if (c == 'x') return Skip(), Hex();
    if (c == '0') return Skip(), Octal();
    const bool letter = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (c == '\0' || letter || static_cast<unsigned char>(c) >= 128) return Fail("an unknown escape");
    return Skip(), c;
  }
  int32_t Hex() {
    const bool braces = Take("{");
    int32_t r = 0;
    int digits = 0;
    for (; !rest_.empty() && (braces || digits < 2); ++digits, Skip()) {
      const char c = rest_[0], low = static_cast<char>(c | 32);
      if (c >= '0' && c <= '9') r = r * 16 + (c - '0');
      else if (low >= 'a' && low <= 'f') r = r * 16 + (low - 'a' + 10);
      else break;
      if (r > kLastRune) return Fail("a character beyond Unicode");
    }
    if (digits == 0 || (!braces && digits != 2) || (braces && !Take("}"))) return Fail("a malformed \\x");
    return r;
  }
  int32_t Octal() {
    int32_t r = 0;
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i, Skip()) r = r * 8 + (rest_[0] - '0');
    return r;
  }

  // -- [^a-z\d]
  int32_t Class() {
    const bool opposite = Take("^");
    std::vector<Range> ranges;
    for (bool first = true; ok_ && (first || !rest_.starts_with("]")); first = false) {
      if (rest_.empty()) return Fail("a '[' without its ']'");
      if (rest_.starts_with("[:")) {
        if (!NamedClass(&ranges)) return Fail("an unknown class in brackets");
        continue;
      }
      if (rest_[0] == '\\' && rest_.size() > 1) {
        const std::string_view before = rest_;
        Skip();
        if (PerlClass(&ranges)) continue;
        rest_ = before;
      }
      const int32_t low = ClassRune();
      int32_t high = low;
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        Skip();
        high = ClassRune();
      }
      if (high < low) return Fail("a range that ends before it begins");
      ranges.push_back({low, high});
    }
    if (ok_) Skip();
    if (flags_.fold) Fold(&ranges);
    return Runes(opposite ? Others(ranges) : std::move(ranges), false);
  }
  int32_t ClassRune() { return Take("\\") ? EscapedRune() : TakeRune(); }
  bool NamedClass(std::vector<Range>* ranges) {
    struct Named {
      std::string_view name;
      std::vector<Range> ranges;
    };
    static const Named kNamed[] = {{"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}}, {"alpha", {{'A', 'Z'}, {'a', 'z'}}}, {"ascii", {{0, 127}}},
                                   {"blank", {{'\t', '\t'}, {' ', ' '}}}, {"cntrl", {{0, 31}, {127, 127}}}, {"digit", {{'0', '9'}}},
                                   {"graph", {{'!', '~'}}}, {"lower", {{'a', 'z'}}}, {"print", {{' ', '~'}}},
                                   {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}}, {"space", {{'\t', '\r'}, {' ', ' '}}}, {"upper", {{'A', 'Z'}}},
                                   {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}}, {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}};
    const size_t end = rest_.find(":]");
    if (end == std::string_view::npos) return false;
    std::string_view name = rest_.substr(2, end - 2);
    const bool opposite = name.starts_with('^');
    if (opposite) name.remove_prefix(1);
    for (const Named& n : kNamed) {
      if (n.name != name) continue;
      const std::vector<Range> set = opposite ? Others(n.ranges) : n.ranges;
      ranges->insert(ranges->end(), set.begin(), set.end());
      rest_.remove_prefix(end + 2);
      return true;
    }
    return false;
  }

  // All characters but these.
  static std::vector<Range> Others(std::vector<Range> ranges) {
    std::ranges::sort(ranges, {}, &Range::low);
    std::vector<Range> others;
    int32_t next = 0;
    for (const Range& r : ranges) {
      if (r.low > next) others.push_back({next, r.low - 1});
      next = std::max(next, r.high + 1);
    }
    if (next <= kLastRune) others.push_back({next, kLastRune});
    return others;
  }
  // With the other case of every letter. K and S have a third one outside of ASCII.
  void Fold(std::vector<Range>* ranges) {
    constexpr int32_t kKelvin = 0x212a, kLongS = 0x17f;
    for (size_t i = 0, n = ranges->size(); i < n; ++i) {
      const Range r = (*ranges)[i];
      const bool whole = r.low < 128 && r.high == kLastRune;  // What [^x] and \W are: both cases are in it but for few.
      if (r.high >= 128 && !whole) Fail("other letters than ASCII's where case does not count");
      for (int32_t letter = std::max(r.low, 'A' + 0); letter <= std::min(r.high, 'z' + 0); ++letter) {
        if ((letter | 32) < 'a' || (letter | 32) > 'z') continue;
        ranges->push_back({letter ^ 32, letter ^ 32});
        if ((letter | 32) == 'k') ranges->push_back({kKelvin, kKelvin});
        if ((letter | 32) == 's') ranges->push_back({kLongS, kLongS});
      }
    }
  }

  int32_t Runes(std::vector<Range> ranges, bool fold = true) {
    if (fold && flags_.fold && !ranges.empty() && ranges[0].low == ranges[0].high) Fold(&ranges);
    if (to_.ranges_.size() + ranges.size() > kMostRanges) return Fail("the pattern is too long");
    const auto first = static_cast<int32_t>(to_.ranges_.size());
    to_.ranges_.insert(to_.ranges_.end(), ranges.begin(), ranges.end());
    return Add({.kind = Kind::kRune, .first = first, .second = static_cast<int32_t>(to_.ranges_.size())});
  }

  // -- steps
  int32_t Emit(Regex::Step s) {
    if (to_.steps_.size() >= kMostSteps) return Fail("the pattern is too long");
    to_.steps_.push_back(s);
    return static_cast<int32_t>(to_.steps_.size()) - 1;
  }
  int32_t Here() const { return static_cast<int32_t>(to_.steps_.size()); }
  Regex::Step& At(int32_t i) { return to_.steps_[static_cast<size_t>(i)]; }
  // A fork whose ways are set later.
  void Ways(int32_t split, int32_t inside, int32_t behind, bool greedy) {
    At(split).first = greedy ? inside : behind;
    At(split).second = greedy ? behind : inside;
  }

  void Compile(int32_t id, int depth) {
    if (++work_ > kMostWork) Fail("the pattern is too long");  // Repetitions of nothing make no steps.
    if (!ok_) return;
    const Node& n = nodes_[static_cast<size_t>(id)];
    switch (n.kind) {
      case Kind::kEmpty: return;
      case Kind::kRune: Emit({.op = Op::kRune, .first = n.first, .second = n.second}); return;
      case Kind::kAssert: Emit({.op = Op::kAssert, .where = n.where}); return;
      case Kind::kAll:
        for (const int32_t part : n.parts) Compile(part, depth + 1);
        return;
      case Kind::kAny: CompileAny(n, depth); return;
      case Kind::kRepeat: CompileRepeat(n, depth); return;
      case Kind::kGroup:
        if (n.least < Regex::kGroups) Emit({.op = Op::kSave, .first = 2 * n.least});
        Compile(n.parts[0], depth + 1);
        if (n.least < Regex::kGroups) Emit({.op = Op::kSave, .first = 2 * n.least + 1});
        return;
    }
  }
  void CompileAny(const Node& n, int depth) {
    std::vector<int32_t> jumps;
    for (size_t i = 0; ok_ && i + 1 < n.parts.size(); ++i) {
      const int32_t split = Emit({.op = Op::kSplit});
      Compile(n.parts[i], depth + 1);
      jumps.push_back(Emit({.op = Op::kJump}));
      if (ok_) Ways(split, split + 1, Here(), true);
    }
    Compile(n.parts.back(), depth + 1);
    for (const int32_t jump : jumps)
      if (ok_) At(jump).first = Here();
  }
  void CompileRepeat(const Node& n, int depth) {
    const bool endless = n.most < 0;
    for (int i = endless ? 1 : 0; ok_ && i < n.least; ++i) Compile(n.parts[0], depth + 1);
    std::vector<int32_t> splits;
    for (int i = n.least; ok_ && i < n.most; ++i) {
      splits.push_back(Emit({.op = Op::kSplit}));
      Compile(n.parts[0], depth + 1);
    }
    if (ok_ && endless) {  // x* is (x+)?: the way out is also behind an x that is empty, in that x's order of preference.
      if (n.least == 0) splits.push_back(Emit({.op = Op::kSplit}));
      const int32_t inside = Here();
      Compile(n.parts[0], depth + 1);
      const int32_t again = Emit({.op = Op::kSplit});
      if (ok_) Ways(again, inside, Here(), n.greedy);
    }
    for (const int32_t split : splits)
      if (ok_) Ways(split, split + 1, Here(), n.greedy);
  }

  std::string_view rest_;
  Regex& to_;
  std::vector<Node> nodes_;
  Flags flags_;
  int groups_ = 0;
  size_t work_ = 0;
  bool ok_ = true;
  const char* trouble_ = "";
};

// ------------------------------------------------------------------------------- running

// All ways through the program at one place in the text, in the order of preference.
class RegexRun {
 public:
  RegexRun(const Regex& regex, std::string_view text, std::byte* scratch) : regex_(regex), text_(text) {
    const size_t steps = regex.steps_.size();
    seen_ = reinterpret_cast<int64_t*>(scratch);
    std::fill_n(seen_, steps, -1);
    stack_.data = reinterpret_cast<Thread*>(seen_ + steps);
    lists_[0].data = stack_.data + steps + 1;
    lists_[1].data = lists_[0].data + kPerStep * steps;
  }
  static size_t ScratchBytes(size_t steps) { return steps * sizeof(int64_t) + ((2 * kPerStep + 1) * steps + 1) * sizeof(Thread); }

  // `whole`: the match must end where the text does.
  bool Run(int64_t from, bool anchored, bool whole, Regex::Match* match) {
    bool found = false;
    Threads now = lists_[0], next = lists_[1];
    for (int64_t at = from;; ++at) {
      if (now.empty() && found) return true;
      if (!found && (!anchored || at == from)) at = Begin(at, anchored, &now);
      if (now.empty() && (anchored || at >= end())) return found;
      if (Step(at, whole, now, &next, match)) found = true;
      std::swap(now, next);
      if (at >= end()) return found;
    }
  }

 private:
  static constexpr int32_t kEnd = -2;
  struct Thread {
    Regex::Match match;
    int32_t step;
    int32_t waits;  // Bytes of a character that are still to come.
  };
  struct Threads {
    Thread* data = nullptr;
    size_t count = 0;
    bool empty() const { return count == 0; }
    void Add(const Thread& t) { data[count++] = t; }
  };
  // One that begins at this place for each step, and those that wait since up to three places before.
  static constexpr size_t kPerStep = 5;

  int64_t end() const { return static_cast<int64_t>(text_.size()); }

  // A match may begin here or, where none is under way, at the next byte that one can begin with; answers where.
  int64_t Begin(int64_t at, bool anchored, Threads* now) {
    if (now->empty() && !anchored && !regex_.may_be_empty_) {
      while (at < end() && !regex_.starts_[static_cast<uint8_t>(text_[static_cast<size_t>(at)])]) ++at;
      ++generation_;  // What was reached belongs to a place before.
    }
    Regex::Match none;
    none.fill(-1);
    Follow(0, at, none, now);
    return at;
  }

  // From the ways at this place to those at the next one. True: one of them is a match, and the less preferred ones are gone.
  bool Step(int64_t at, bool whole, const Threads& now, Threads* next, Regex::Match* match) {
    size_t length = 0;  // A character of several bytes is waited for, byte by byte: what is empty may match inside of it, as in RE2.
    const int32_t rune = at < end() ? DecodeUtf8(text_.substr(static_cast<size_t>(at)), &length) : kEnd;
    ++generation_;
    next->count = 0;
    for (size_t i = 0; i < now.count; ++i) {
      Thread& t = now.data[i];
      const Regex::Step& s = regex_.steps_[static_cast<size_t>(t.step)];
      if (s.op == Regex::Op::kMatch) {
        if (whole && at != end()) continue;
        *match = t.match;
        return true;
      }
      if (t.waits == 0) {
        if (rune < 0 || !Holds(s, rune)) continue;
        t.waits = static_cast<int>(length);
      }
      if (--t.waits == 0) Follow(t.step + 1, at + 1, t.match, next);
      else next->Add(t);
    }
    return false;
  }

  bool Holds(const Regex::Step& s, int32_t rune) const {
    for (int32_t i = s.first; i < s.second; ++i)
      if (rune >= regex_.ranges_[static_cast<size_t>(i)].low && rune <= regex_.ranges_[static_cast<size_t>(i)].high) return true;
    return false;
  }

  bool IsAt(Regex::Where where, int64_t at) const {
    const auto byte = [&](int64_t i) {
      const bool inside = i >= 0 && i < static_cast<int64_t>(text_.size());
      return inside ? static_cast<int32_t>(static_cast<uint8_t>(text_[static_cast<size_t>(i)])) : -1;
    };
    const int32_t before = byte(at - 1), behind = byte(at);
    switch (where) {
      case Regex::Where::kBeginText: return before < 0;
      case Regex::Where::kEndText: return behind < 0;
      case Regex::Where::kBeginLine: return before < 0 || before == '\n';
      case Regex::Where::kEndLine: return behind < 0 || behind == '\n';
      case Regex::Where::kWord: return IsWord(before) != IsWord(behind);
      case Regex::Where::kNotWord: return IsWord(before) == IsWord(behind);
    }
    return false;
  }

  // The steps that read a character or end the program, reached from here; each once, by the best way.
  void Follow(int32_t step, int64_t at, const Regex::Match& match, Threads* to) {
    stack_.count = 0;
    stack_.Add({match, step, 0});
    while (!stack_.empty()) {
      Thread t = stack_.data[--stack_.count];
      while (seen_[static_cast<size_t>(t.step)] != generation_) {
        seen_[static_cast<size_t>(t.step)] = generation_;
        const Regex::Step& s = regex_.steps_[static_cast<size_t>(t.step)];
        if (s.op == Regex::Op::kRune || s.op == Regex::Op::kMatch) {
          to->Add(t);
          break;
        }
        if (s.op == Regex::Op::kAssert && !IsAt(s.where, at)) break;
        if (s.op == Regex::Op::kSave) t.match[static_cast<size_t>(s.first)] = at;
        if (s.op == Regex::Op::kSplit) stack_.Add({t.match, s.second, 0});
        t.step = s.op == Regex::Op::kSplit || s.op == Regex::Op::kJump ? s.first : t.step + 1;
      }
    }
  }

  const Regex& regex_;
  const std::string_view text_;
  int64_t* seen_;              // By step: the place in the text at which it was reached, counted.
  int64_t generation_ = 0;
  Threads stack_, lists_[2];
};

// Which bytes a match may begin with: those of the characters that the first steps read.
void Regex::FindStarts() {
  std::vector<bool> seen(steps_.size());
  std::vector<int32_t> open = {0};
  while (!open.empty()) {
    const auto at = static_cast<size_t>(open.back());
    open.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Step& s = steps_[at];
    if (s.op == Op::kMatch) may_be_empty_ = true;
    if (s.op == Op::kSplit) open.push_back(s.second);
    if (s.op == Op::kSplit || s.op == Op::kJump) open.push_back(s.first);
    if (s.op == Op::kSave || s.op == Op::kAssert) open.push_back(static_cast<int32_t>(at) + 1);
    for (int32_t i = s.first; s.op == Op::kRune && i < s.second; ++i) {
      const Range r = ranges_[static_cast<size_t>(i)];
      for (int32_t b = r.low; b <= std::min(r.high, 127); ++b) starts_[static_cast<size_t>(b)] = true;
      if (r.high > 127) std::fill(starts_.begin() + 128, starts_.end(), true);
    }
  }
}

Result<Regex> Regex::Compile(std::string_view pattern) {
  Regex regex;
  const Status status = RegexParser(pattern, &regex).Run();
  if (!status.ok())
    return Error(Code::kUnsupported, "the pattern '%.*s': %s", static_cast<int>(std::min<size_t>(pattern.size(), 200)), pattern.data(),
                 status.message().c_str());
  regex.FindStarts();
  return regex;
}

size_t Regex::scratch_bytes() const { return RegexRun::ScratchBytes(steps_.size()); }

bool Regex::MatchesAll(std::string_view text, std::byte* scratch) const {
  Match match;
  return RegexRun(*this, text, scratch).Run(0, true, true, &match);
}

bool Regex::Find(std::string_view text, int64_t from, std::byte* scratch, Match* match) const {
  return RegexRun(*this, text, scratch).Run(from, false, false, match);
}

// ----------------------------------------------------------------------------- replacing

bool CheckRewrite(std::string_view rewrite, int groups) {
  for (size_t i = 0; i < rewrite.size(); ++i) {
    if (rewrite[i] != '\\') continue;
    if (++i == rewrite.size()) return false;
    if (rewrite[i] != '\\' && (rewrite[i] < '0' || rewrite[i] > '9' || rewrite[i] - '0' > groups)) return false;
  }
  return true;
}

template <class F> void Rewriter::ForEachRewritten(std::string_view text, const Regex::Match& match, const F& found) const {
  for (size_t i = 0; i < rewrite_.size(); ++i) {
    if (rewrite_[i] != '\\') {
      found(rewrite_.substr(i, 1));
      continue;
    }
    if (rewrite_[++i] == '\\') {
      found(rewrite_.substr(i, 1));
      continue;
    }
    const auto group = static_cast<size_t>(rewrite_[i] - '0');
    if (match[2 * group] >= 0) found(text.substr(static_cast<size_t>(match[2 * group]), static_cast<size_t>(match[2 * group + 1] - match[2 * group])));
  }
}

// An empty match right behind a match does not count, as in RE2.
template <class F> void Rewriter::ForEachPart(std::string_view text, std::byte* scratch, const F& found) const {
  int64_t at = 0, last_end = -1;
  const auto end = static_cast<int64_t>(text.size());
  const auto part = [&](int64_t from, int64_t to) { found(text.substr(static_cast<size_t>(from), static_cast<size_t>(to - from))); };
  Regex::Match match;
  while (at <= end && regex_.Find(text, at, scratch, &match)) {
    part(at, match[0]);
    if (match[0] == last_end && match[1] == last_end) {
      if (last_end >= end) return;
      size_t length = 0;
      (void)DecodeUtf8(text.substr(static_cast<size_t>(last_end)), &length);
      at = last_end + static_cast<int64_t>(length);
      part(last_end, at);
      last_end = -1;
      continue;
    }
    ForEachRewritten(text, match, found);
    at = last_end = match[1];
    if (!all_) break;
  }
  if (at < end) part(at, end);
}

uint64_t Rewriter::Bytes(std::string_view text, std::byte* scratch) const {
  uint64_t bytes = 0;
  ForEachPart(text, scratch, [&](std::string_view part) { bytes += part.size(); });
  return bytes;
}

void Rewriter::Write(std::string_view text, std::byte* scratch, char* to) const {
  ForEachPart(text, scratch, [&](std::string_view part) { to = std::ranges::copy(part, to).out; });
}

}  // namespace octet::ops
