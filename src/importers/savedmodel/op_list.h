// SPDX-License-Identifier: Apache-2.0
// What a SavedModel says of the ops it uses (MetaInfoDef.stripped_op_list): their operands, and the defaults of
// attributes, which nodes leave out.
#pragma once
#include <map>
#include <string_view>
#include <vector>

#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {

// One operand: `type`, or the type that an attribute names; as often as `count_attr` says; or one for each type of a list.
struct OpOperand {
  std::string_view name, type_attr, count_attr, list_attr;
  int64_t type = 0;
};

struct OpSchema {
  std::vector<OpOperand> inputs, outputs;
  std::vector<std::pair<std::string_view, Bytes>> defaults;  // AttrValue each.
};
// Of a message OpDef.
Result<OpSchema> ReadOpSchema(Bytes message);

// The node's attribute, or its default; empty when there is neither.
Attribute AttributeOf(const NodeDef& node, const OpSchema& schema, std::string_view key);

// TensorFlow's numbers of the element types, one for each tensor; empty where the attributes do not tell.
std::vector<int64_t> TypesOf(const NodeDef& node, const OpSchema& schema, std::span<const OpOperand> operands);

// Where the output of that name begins; -1: there is none.
int64_t OutputIndex(const NodeDef& node, const OpSchema& schema, std::string_view name);

}  // namespace octet::importers::savedmodel
