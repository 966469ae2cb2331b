// SPDX-License-Identifier: Apache-2.0
#include "delegates/load.h"

#include <gtest/gtest.h>

#include "delegates/builtin.h"

namespace octet::delegates {
namespace {

TEST(LoadDelegates, WrongOptionsAreTheUsersMistakeWhateverTheMachineHas) {
  const auto is_built_in = [](std::string_view name) { return std::ranges::find(Builtins(), name, &Builtin::name) != Builtins().end(); };
  for (const char* spec :
       {"gpu;nosuch=1", "gpu;precision=half", "nnapi;nosuch=1", "nnapi;fp16=yes", "nnapi;cpu=", "coreml;units=none", "cpu;threads=4", "nosuch", ";x=1"}) {
    const std::string name = std::string(spec).substr(0, std::string(spec).find(';'));
    if ((name == "gpu" || name == "nnapi" || name == "coreml") && !is_built_in(name)) continue;
    const auto loaded = LoadAll({spec});
    ASSERT_FALSE(loaded.ok()) << spec;
    EXPECT_EQ(loaded.error().code(), Code::kInvalidArgument) << loaded.error().message();
  }
}

}  // namespace
}  // namespace octet::delegates
