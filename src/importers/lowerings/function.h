// SPDX-License-Identifier: Apache-2.0
// Functions of one or two numbers that no operator has, element by element, in terms of those there are.
#pragma once
#include "importers/lowerings/activation.h"

namespace octet::importers {

Result<Value> Tan(Lowering& c, Value x);
Result<Value> Sinh(Lowering& c, Value x);
Result<Value> Cosh(Lowering& c, Value x);
Result<Value> Asin(Lowering& c, Value x);
Result<Value> Acos(Lowering& c, Value x);
Result<Value> Atan(Lowering& c, Value x);
Result<Value> Atan2(Lowering& c, Value y, Value x);
Result<Value> Asinh(Lowering& c, Value x);
Result<Value> Acosh(Lowering& c, Value x);
Result<Value> Atanh(Lowering& c, Value x);
Result<Value> Erfc(Lowering& c, Value x);
Result<Value> Expm1(Lowering& c, Value x);
Result<Value> Log1p(Lowering& c, Value x);
Result<Value> Log2(Lowering& c, Value x);
Result<Value> Log10(Lowering& c, Value x);
Result<Value> Exp2(Lowering& c, Value x);
Result<Value> Reciprocal(Lowering& c, Value x);
Result<Value> Truncate(Lowering& c, Value x);  // Towards zero.
Result<Value> IsNan(Lowering& c, Value x);
Result<Value> IsInf(Lowering& c, Value x);
Result<Value> IsFinite(Lowering& c, Value x);

// Of whole numbers; what is bitwise, of truth values, too.
Result<Value> BitwiseNot(Lowering& c, Value x);
Result<Value> BitwiseAnd(Lowering& c, Value x, Value y);
Result<Value> BitwiseOr(Lowering& c, Value x, Value y);
Result<Value> BitwiseXor(Lowering& c, Value x, Value y);
Result<Value> LeftShift(Lowering& c, Value x, Value n);
Result<Value> RightShift(Lowering& c, Value x, Value n);
// Of truth values.
Result<Value> LogicalXor(Lowering& c, Value x, Value y);
// log(e^x + e^y)
Result<Value> LogAddExp(Lowering& c, Value x, Value y);

}  // namespace octet::importers
