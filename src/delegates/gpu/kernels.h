// SPDX-License-Identifier: Apache-2.0
// The kernels' bodies, in the language of dialect.h. A body computes v0 for quad `o` of its output and hands it to
// FINISH(v0), which applies what was fused behind and stores. Numbers P(k) are given where each is used.
#pragma once

namespace octet::gpu {

extern const char* const kMapBody;
extern const char* const kMoveBody;
extern const char* const kMoveQuadsBody;
extern const char* const kProductBody;
extern const char* const kPoolBody;
extern const char* const kReduceBody;
extern const char* const kReduceTogetherBody;
extern const char* const kSoftmaxBody;
extern const char* const kSoftmaxIntegerBody;
extern const char* const kArgBody;
extern const char* const kNormalizeBody;
extern const char* const kResizeBody;
extern const char* const kRowRangeBody;
extern const char* const kRowFormBody;
extern const char* const kRowQuantizeBody;

}  // namespace octet::gpu
