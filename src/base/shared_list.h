// SPDX-License-Identifier: Apache-2.0
// A list that copies share until one of them is written to. Types of tensors are copied often, from a file's into a plan's and through
// every pass, and have a scale and a zero point for each of thousands of channels. Most have one, which lies in place.
//
// As thread-safe as a std::vector: different copies may be read, written and destroyed at once. References and iterators hold
// until the list is written to or copied from.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace octet {

template <class T> class SharedList {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SharedList() = default;
  SharedList(std::vector<T> values) { Set(std::move(values)); }
  SharedList(std::initializer_list<T> values) : SharedList(values.begin(), values.end()) {}
  template <std::input_iterator I> SharedList(I first, I last) { assign(first, last); }

  size_t size() const { return many_ ? many_->size() : single_ ? 1 : 0; }
  bool empty() const { return !many_ && !single_; }
  bool several() const { return many_ != nullptr; }
  T first_or_zero() const { return many_ ? many_->front() : one_; }
  const T* data() const { return many_ ? many_->data() : &one_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  const T& operator[](size_t i) const { return data()[i]; }
  const T& front() const { return data()[0]; }
  const T& back() const { return data()[size() - 1]; }
  [[gnu::noinline]] bool operator==(const SharedList& o) const { return (many_ && many_ == o.many_) || std::equal(begin(), end(), o.begin(), o.end()); }

  // To write to: of this copy alone from here on.
  T* data() { return many_ ? Own().data() : &one_; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  T& operator[](size_t i) { return data()[i]; }

  void assign(size_t n, T value) { Set(std::vector<T>(n, value)); }
  template <std::input_iterator I> void assign(I first, I last) { Set(std::vector<T>(first, last)); }
  void resize(size_t n, T value = T()) {
    std::vector<T> values(std::as_const(*this).begin(), std::as_const(*this).end());
    values.resize(n, value);
    Set(std::move(values));
  }
  void push_back(T value) {
    if (many_) return Own().push_back(value);
    resize(size() + 1, value);
  }

 private:
  [[gnu::noinline]] void Set(std::vector<T> values) {
    single_ = values.size() == 1;
    one_ = single_ ? values[0] : T();
    many_ = values.size() > 1 ? std::make_shared<std::vector<T>>(std::move(values)) : nullptr;
  }
  [[gnu::noinline]] std::vector<T>& Own() {
    if (many_.use_count() > 1) many_ = std::make_shared<std::vector<T>>(*many_);
    else std::atomic_thread_fence(std::memory_order_acquire);  // Behind what others read before they let go of it.
    return *many_;
  }

  std::shared_ptr<std::vector<T>> many_;  // Two and more; else null.
  T one_{};                               // Zero where there is none.
  bool single_ = false;
};

}  // namespace octet
