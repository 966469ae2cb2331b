// SPDX-License-Identifier: Apache-2.0
#include "ops/registry.h"

#include <deque>

#include "base/mutex.h"

namespace octet::ops {
namespace {

struct Registered {
  const OpDef* def;
  const OpKernel* kernel;
};
struct Registry {
  Mutex mutex;
  std::deque<Registered> list;
};

// Made when first needed: libraries register from wherever they are loaded.
Registry& TheRegistry() {
  static Registry* registry = new Registry;
  return *registry;
}

template <class F> const Registered* FindIf(const F& fits) {
  Registry& registry = TheRegistry();
  const Lock lock(registry.mutex);
  for (size_t i = registry.list.size(); i-- > 0;)  // The latest first: it may stand in a placeholder's stead.
    if (fits(registry.list[i])) return &registry.list[i];
  return nullptr;
}

}  // namespace

const OpDef* FindRegistered(std::string_view custom_name) {
  const Registered* r = FindIf([&](const Registered& x) { return x.def->custom_name == custom_name; });
  return r ? r->def : nullptr;
}

const OpKernel* FindRegisteredKernel(const OpDef& def) {
  const Registered* r = FindIf([&](const Registered& x) { return x.def == &def; });
  return r ? r->kernel : nullptr;
}

size_t CountRegistered() {
  Registry& registry = TheRegistry();
  const Lock lock(registry.mutex);
  return registry.list.size();
}

Status Register(const OpDef* def, const OpKernel* kernel) {
  const OpDef* there = Find(BuiltinCode::kCustom, def->custom_name);
  if (there && !KernelOf(*there).variants.empty())  // Without a kernel it only holds the name's place.
    return Error(Code::kInvalidArgument, "there is a custom operator '%s' already", std::string(def->custom_name).c_str());
  Registry& registry = TheRegistry();
  const Lock lock(registry.mutex);
  registry.list.push_back({def, kernel});
  return {};
}

}  // namespace octet::ops
