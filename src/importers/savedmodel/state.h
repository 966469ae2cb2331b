// SPDX-License-Identifier: Apache-2.0
// What a model keeps between runs: variables that it changes, and lookup tables. Both get their first values from one
// subgraph that CALL_ONCE runs.
#pragma once
#include "importers/savedmodel/builder.h"

namespace octet::importers::savedmodel {

// The handle of a variable or table as a tensor of the region.
Result<Value> HandleValue(Builder& b, const FlatNode& handle, DType key, DType value);

// What a table is filled with: constants of the builder's graph, which must be the main one.
struct TableContents {
  Value keys, values;
};
Result<TableContents> ReadTable(Builder& main, const FlatNode& table);

// Adds the subgraph and its call, where the session has variables or tables to fill.
Status AddInitializer(Builder& main);

}  // namespace octet::importers::savedmodel
