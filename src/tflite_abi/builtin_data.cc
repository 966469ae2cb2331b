// SPDX-License-Identifier: Apache-2.0
// One table per structure: which attribute of the file is which field.
#include "tflite_abi/builtin_data.h"

#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "tensorflow/lite/c/builtin_op_data.h"
#include "tflite_abi/mirror.h"

namespace octet::tflite_abi {
namespace {

enum class Kind : uint8_t {
  kInt,
  kBool,
  kFloat,
  kPlusOne,  // Enumerations that begin with "unknown" here and not in the file.
  kType,
  kInts,     // int32[8] with a count.
  kFloats,   // A pointer with a count.
};
struct Field {
  std::string_view attribute;
  Kind kind;
  size_t offset, count_offset = 0;
};
struct Parameters {
  std::string_view op;
  size_t bytes;
  std::span<const Field> fields;
};

constexpr Field kConv[] = {
    {"padding", Kind::kPlusOne, offsetof(TfLiteConvParams, padding)},
    {"stride_w", Kind::kInt, offsetof(TfLiteConvParams, stride_width)},
    {"stride_h", Kind::kInt, offsetof(TfLiteConvParams, stride_height)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteConvParams, activation)},
    {"dilation_w_factor", Kind::kInt, offsetof(TfLiteConvParams, dilation_width_factor)},
    {"dilation_h_factor", Kind::kInt, offsetof(TfLiteConvParams, dilation_height_factor)},
    {"quantized_bias_type", Kind::kType, offsetof(TfLiteConvParams, quantized_bias_type)}};
constexpr Field kConv3D[] = {
    {"padding", Kind::kPlusOne, offsetof(TfLiteConv3DParams, padding)},
    {"stride_w", Kind::kInt, offsetof(TfLiteConv3DParams, stride_width)},
    {"stride_h", Kind::kInt, offsetof(TfLiteConv3DParams, stride_height)},
    {"stride_d", Kind::kInt, offsetof(TfLiteConv3DParams, stride_depth)},
    {"dilation_w_factor", Kind::kInt, offsetof(TfLiteConv3DParams, dilation_width_factor)},
    {"dilation_h_factor", Kind::kInt, offsetof(TfLiteConv3DParams, dilation_height_factor)},
    {"dilation_d_factor", Kind::kInt, offsetof(TfLiteConv3DParams, dilation_depth_factor)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteConv3DParams, activation)}};
constexpr Field kPool[] = {
    {"padding", Kind::kPlusOne, offsetof(TfLitePoolParams, padding)},
    {"stride_w", Kind::kInt, offsetof(TfLitePoolParams, stride_width)},
    {"stride_h", Kind::kInt, offsetof(TfLitePoolParams, stride_height)},
    {"filter_width", Kind::kInt, offsetof(TfLitePoolParams, filter_width)},
    {"filter_height", Kind::kInt, offsetof(TfLitePoolParams, filter_height)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLitePoolParams, activation)}};
constexpr Field kDepthwiseConv[] = {
    {"padding", Kind::kPlusOne, offsetof(TfLiteDepthwiseConvParams, padding)},
    {"stride_w", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, stride_width)},
    {"stride_h", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, stride_height)},
    {"depth_multiplier", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, depth_multiplier)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, activation)},
    {"dilation_w_factor", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, dilation_width_factor)},
    {"dilation_h_factor", Kind::kInt, offsetof(TfLiteDepthwiseConvParams, dilation_height_factor)}};
constexpr Field kSVDF[] = {
    {"rank", Kind::kInt, offsetof(TfLiteSVDFParams, rank)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteSVDFParams, activation)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteSVDFParams, asymmetric_quantize_inputs)}};
constexpr Field kRNN[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteRNNParams, activation)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteRNNParams, asymmetric_quantize_inputs)}};
constexpr Field kSequenceRNN[] = {
    {"time_major", Kind::kBool, offsetof(TfLiteSequenceRNNParams, time_major)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteSequenceRNNParams, activation)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteSequenceRNNParams, asymmetric_quantize_inputs)}};
constexpr Field kBidirectionalSequenceRNN[] = {
    {"time_major", Kind::kBool, offsetof(TfLiteBidirectionalSequenceRNNParams, time_major)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteBidirectionalSequenceRNNParams, activation)},
    {"merge_outputs", Kind::kBool, offsetof(TfLiteBidirectionalSequenceRNNParams, merge_outputs)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteBidirectionalSequenceRNNParams, asymmetric_quantize_inputs)}};
constexpr Field kFullyConnected[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteFullyConnectedParams, activation)},
    {"weights_format", Kind::kInt, offsetof(TfLiteFullyConnectedParams, weights_format)},
    {"keep_num_dims", Kind::kBool, offsetof(TfLiteFullyConnectedParams, keep_num_dims)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteFullyConnectedParams, asymmetric_quantize_inputs)},
    {"quantized_bias_type", Kind::kType, offsetof(TfLiteFullyConnectedParams, quantized_bias_type)}};
constexpr Field kLSHProjection[] = {{"type", Kind::kInt, offsetof(TfLiteLSHProjectionParams, type)}};
constexpr Field kSoftmax[] = {{"beta", Kind::kFloat, offsetof(TfLiteSoftmaxParams, beta)}};
constexpr Field kConcatenation[] = {
    {"axis", Kind::kInt, offsetof(TfLiteConcatenationParams, axis)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteConcatenationParams, activation)}};
constexpr Field kAdd[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteAddParams, activation)},
    {"pot_scale_int16", Kind::kBool, offsetof(TfLiteAddParams, pot_scale_int16)}};
constexpr Field kBatchMatMul[] = {
    {"adj_x", Kind::kBool, offsetof(TfLiteBatchMatMulParams, adj_x)},
    {"adj_y", Kind::kBool, offsetof(TfLiteBatchMatMulParams, adj_y)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteBatchMatMulParams, asymmetric_quantize_inputs)}};
constexpr Field kMul[] = {{"fused_activation_function", Kind::kInt, offsetof(TfLiteMulParams, activation)}};
constexpr Field kSub[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteSubParams, activation)},
    {"pot_scale_int16", Kind::kBool, offsetof(TfLiteSubParams, pot_scale_int16)}};
constexpr Field kDiv[] = {{"fused_activation_function", Kind::kInt, offsetof(TfLiteDivParams, activation)}};
constexpr Field kL2Norm[] = {{"fused_activation_function", Kind::kInt, offsetof(TfLiteL2NormParams, activation)}};
constexpr Field kLocalResponseNorm[] = {
    {"radius", Kind::kInt, offsetof(TfLiteLocalResponseNormParams, radius)},
    {"bias", Kind::kFloat, offsetof(TfLiteLocalResponseNormParams, bias)},
    {"alpha", Kind::kFloat, offsetof(TfLiteLocalResponseNormParams, alpha)},
    {"beta", Kind::kFloat, offsetof(TfLiteLocalResponseNormParams, beta)}};
constexpr Field kLSTM[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteLSTMParams, activation)},
    {"cell_clip", Kind::kFloat, offsetof(TfLiteLSTMParams, cell_clip)},
    {"proj_clip", Kind::kFloat, offsetof(TfLiteLSTMParams, proj_clip)},
    {"kernel_type", Kind::kInt, offsetof(TfLiteLSTMParams, kernel_type)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteLSTMParams, asymmetric_quantize_inputs)}};
constexpr Field kUnidirectionalSequenceLSTM[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteUnidirectionalSequenceLSTMParams, activation)},
    {"cell_clip", Kind::kFloat, offsetof(TfLiteUnidirectionalSequenceLSTMParams, cell_clip)},
    {"proj_clip", Kind::kFloat, offsetof(TfLiteUnidirectionalSequenceLSTMParams, proj_clip)},
    {"time_major", Kind::kBool, offsetof(TfLiteUnidirectionalSequenceLSTMParams, time_major)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteUnidirectionalSequenceLSTMParams, asymmetric_quantize_inputs)},
    {"diagonal_recurrent_tensors", Kind::kBool, offsetof(TfLiteUnidirectionalSequenceLSTMParams, diagonal_recurrent_tensors)}};
constexpr Field kBidirectionalSequenceLSTM[] = {
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteBidirectionalSequenceLSTMParams, activation)},
    {"cell_clip", Kind::kFloat, offsetof(TfLiteBidirectionalSequenceLSTMParams, cell_clip)},
    {"proj_clip", Kind::kFloat, offsetof(TfLiteBidirectionalSequenceLSTMParams, proj_clip)},
    {"merge_outputs", Kind::kBool, offsetof(TfLiteBidirectionalSequenceLSTMParams, merge_outputs)},
    {"time_major", Kind::kBool, offsetof(TfLiteBidirectionalSequenceLSTMParams, time_major)},
    {"asymmetric_quantize_inputs", Kind::kBool, offsetof(TfLiteBidirectionalSequenceLSTMParams, asymmetric_quantize_inputs)}};
constexpr Field kResizeBilinear[] = {
    {"align_corners", Kind::kBool, offsetof(TfLiteResizeBilinearParams, align_corners)},
    {"half_pixel_centers", Kind::kBool, offsetof(TfLiteResizeBilinearParams, half_pixel_centers)}};
constexpr Field kResizeNearestNeighbor[] = {
    {"align_corners", Kind::kBool, offsetof(TfLiteResizeNearestNeighborParams, align_corners)},
    {"half_pixel_centers", Kind::kBool, offsetof(TfLiteResizeNearestNeighborParams, half_pixel_centers)}};
constexpr Field kReshape[] = {{"new_shape", Kind::kInts, offsetof(TfLiteReshapeParams, shape), offsetof(TfLiteReshapeParams, num_dimensions)}};
constexpr Field kSkipGram[] = {
    {"ngram_size", Kind::kInt, offsetof(TfLiteSkipGramParams, ngram_size)},
    {"max_skip_size", Kind::kInt, offsetof(TfLiteSkipGramParams, max_skip_size)},
    {"include_all_ngrams", Kind::kBool, offsetof(TfLiteSkipGramParams, include_all_ngrams)}};
constexpr Field kSpaceToDepth[] = {{"block_size", Kind::kInt, offsetof(TfLiteSpaceToDepthParams, block_size)}};
constexpr Field kDepthToSpace[] = {{"block_size", Kind::kInt, offsetof(TfLiteDepthToSpaceParams, block_size)}};
constexpr Field kCast[] = {
    {"in_data_type", Kind::kType, offsetof(TfLiteCastParams, in_data_type)},
    {"out_data_type", Kind::kType, offsetof(TfLiteCastParams, out_data_type)}};
constexpr Field kEmbeddingLookupSparse[] = {{"combiner", Kind::kInt, offsetof(TfLiteEmbeddingLookupSparseParams, combiner)}};
constexpr Field kGather[] = {{"axis", Kind::kInt, offsetof(TfLiteGatherParams, axis)}, {"batch_dims", Kind::kInt, offsetof(TfLiteGatherParams, batch_dims)}};
constexpr Field kReducer[] = {{"keep_dims", Kind::kBool, offsetof(TfLiteReducerParams, keep_dims)}};
constexpr Field kSplit[] = {{"num_splits", Kind::kInt, offsetof(TfLiteSplitParams, num_splits)}};
constexpr Field kSplitV[] = {{"num_splits", Kind::kInt, offsetof(TfLiteSplitVParams, num_splits)}};
constexpr Field kSqueeze[] = {{"squeeze_dims", Kind::kInts, offsetof(TfLiteSqueezeParams, squeeze_dims), offsetof(TfLiteSqueezeParams, num_squeeze_dims)}};
constexpr Field kStridedSlice[] = {
    {"begin_mask", Kind::kInt, offsetof(TfLiteStridedSliceParams, begin_mask)},
    {"end_mask", Kind::kInt, offsetof(TfLiteStridedSliceParams, end_mask)},
    {"ellipsis_mask", Kind::kInt, offsetof(TfLiteStridedSliceParams, ellipsis_mask)},
    {"new_axis_mask", Kind::kInt, offsetof(TfLiteStridedSliceParams, new_axis_mask)},
    {"shrink_axis_mask", Kind::kInt, offsetof(TfLiteStridedSliceParams, shrink_axis_mask)},
    {"offset", Kind::kBool, offsetof(TfLiteStridedSliceParams, offset)}};
constexpr Field kArgMax[] = {{"output_type", Kind::kType, offsetof(TfLiteArgMaxParams, output_type)}};
constexpr Field kArgMin[] = {{"output_type", Kind::kType, offsetof(TfLiteArgMinParams, output_type)}};
constexpr Field kTransposeConv[] = {
    {"padding", Kind::kPlusOne, offsetof(TfLiteTransposeConvParams, padding)},
    {"stride_w", Kind::kInt, offsetof(TfLiteTransposeConvParams, stride_width)},
    {"stride_h", Kind::kInt, offsetof(TfLiteTransposeConvParams, stride_height)},
    {"fused_activation_function", Kind::kInt, offsetof(TfLiteTransposeConvParams, activation)},
    {"quantized_bias_type", Kind::kType, offsetof(TfLiteTransposeConvParams, quantized_bias_type)}};
constexpr Field kSparseToDense[] = {{"validate_indices", Kind::kBool, offsetof(TfLiteSparseToDenseParams, validate_indices)}};
constexpr Field kShape[] = {{"out_type", Kind::kType, offsetof(TfLiteShapeParams, out_type)}};
constexpr Field kFakeQuant[] = {
    {"min", Kind::kFloat, offsetof(TfLiteFakeQuantParams, min)},
    {"max", Kind::kFloat, offsetof(TfLiteFakeQuantParams, max)},
    {"num_bits", Kind::kInt, offsetof(TfLiteFakeQuantParams, num_bits)},
    {"narrow_range", Kind::kBool, offsetof(TfLiteFakeQuantParams, narrow_range)}};
constexpr Field kPack[] = {{"values_count", Kind::kInt, offsetof(TfLitePackParams, values_count)}, {"axis", Kind::kInt, offsetof(TfLitePackParams, axis)}};
constexpr Field kOneHot[] = {{"axis", Kind::kInt, offsetof(TfLiteOneHotParams, axis)}};
constexpr Field kUnpack[] = {{"num", Kind::kInt, offsetof(TfLiteUnpackParams, num)}, {"axis", Kind::kInt, offsetof(TfLiteUnpackParams, axis)}};
constexpr Field kLeakyRelu[] = {{"alpha", Kind::kFloat, offsetof(TfLiteLeakyReluParams, alpha)}};
constexpr Field kUnique[] = {{"idx_out_type", Kind::kType, offsetof(TfLiteUniqueParams, index_out_type)}};
constexpr Field kReverseSequence[] = {
    {"seq_dim", Kind::kInt, offsetof(TfLiteReverseSequenceParams, seq_dim)},
    {"batch_dim", Kind::kInt, offsetof(TfLiteReverseSequenceParams, batch_dim)}};
constexpr Field kIf[] = {
    {"then_subgraph_index", Kind::kInt, offsetof(TfLiteIfParams, then_subgraph_index)},
    {"else_subgraph_index", Kind::kInt, offsetof(TfLiteIfParams, else_subgraph_index)}};
constexpr Field kWhile[] = {
    {"cond_subgraph_index", Kind::kInt, offsetof(TfLiteWhileParams, cond_subgraph_index)},
    {"body_subgraph_index", Kind::kInt, offsetof(TfLiteWhileParams, body_subgraph_index)}};
constexpr Field kCumsum[] = {
    {"exclusive", Kind::kBool, offsetof(TfLiteCumsumParams, exclusive)},
    {"reverse", Kind::kBool, offsetof(TfLiteCumsumParams, reverse)}};
constexpr Field kCallOnce[] = {{"init_subgraph_index", Kind::kInt, offsetof(TfLiteCallOnceParams, init_subgraph_index)}};
constexpr Field kHashtable[] = {
    {"table_id", Kind::kInt, offsetof(TfLiteHashtableParams, table_id)},
    {"key_dtype", Kind::kType, offsetof(TfLiteHashtableParams, key_dtype)},
    {"value_dtype", Kind::kType, offsetof(TfLiteHashtableParams, value_dtype)}};
constexpr Field kRandom[] = {{"seed", Kind::kInt, offsetof(TfLiteRandomParams, seed)}, {"seed2", Kind::kInt, offsetof(TfLiteRandomParams, seed2)}};
constexpr Field kBucketize[] = {{"boundaries", Kind::kFloats, offsetof(TfLiteBucketizeParams, boundaries), offsetof(TfLiteBucketizeParams, num_boundaries)}};
constexpr Field kGelu[] = {{"approximate", Kind::kBool, offsetof(TfLiteGeluParams, approximate)}};
constexpr Field kMirrorPadding[] = {{"mode", Kind::kPlusOne, offsetof(TfLiteMirrorPaddingParams, mode)}};

constexpr Parameters kParameters[] = {
    {"conv_2d", sizeof(TfLiteConvParams), kConv},
    {"conv_3d", sizeof(TfLiteConv3DParams), kConv3D},
    {"conv_3d_transpose", sizeof(TfLiteConv3DParams), kConv3D},
    {"average_pool_2d", sizeof(TfLitePoolParams), kPool},
    {"max_pool_2d", sizeof(TfLitePoolParams), kPool},
    {"l2_pool_2d", sizeof(TfLitePoolParams), kPool},
    {"depthwise_conv_2d", sizeof(TfLiteDepthwiseConvParams), kDepthwiseConv},
    {"svdf", sizeof(TfLiteSVDFParams), kSVDF},
    {"rnn", sizeof(TfLiteRNNParams), kRNN},
    {"unidirectional_sequence_rnn", sizeof(TfLiteSequenceRNNParams), kSequenceRNN},
    {"bidirectional_sequence_rnn", sizeof(TfLiteBidirectionalSequenceRNNParams), kBidirectionalSequenceRNN},
    {"fully_connected", sizeof(TfLiteFullyConnectedParams), kFullyConnected},
    {"lsh_projection", sizeof(TfLiteLSHProjectionParams), kLSHProjection},
    {"softmax", sizeof(TfLiteSoftmaxParams), kSoftmax},
    {"concatenation", sizeof(TfLiteConcatenationParams), kConcatenation},
    {"add", sizeof(TfLiteAddParams), kAdd},
    {"space_to_batch_nd", sizeof(TfLiteSpaceToBatchNDParams), {}},
    {"batch_to_space_nd", sizeof(TfLiteBatchToSpaceNDParams), {}},
    {"batch_matmul", sizeof(TfLiteBatchMatMulParams), kBatchMatMul},
    {"mul", sizeof(TfLiteMulParams), kMul},
    {"sub", sizeof(TfLiteSubParams), kSub},
    {"div", sizeof(TfLiteDivParams), kDiv},
    {"l2_normalization", sizeof(TfLiteL2NormParams), kL2Norm},
    {"local_response_normalization", sizeof(TfLiteLocalResponseNormParams), kLocalResponseNorm},
    {"lstm", sizeof(TfLiteLSTMParams), kLSTM},
    {"unidirectional_sequence_lstm", sizeof(TfLiteUnidirectionalSequenceLSTMParams), kUnidirectionalSequenceLSTM},
    {"bidirectional_sequence_lstm", sizeof(TfLiteBidirectionalSequenceLSTMParams), kBidirectionalSequenceLSTM},
    {"resize_bilinear", sizeof(TfLiteResizeBilinearParams), kResizeBilinear},
    {"resize_nearest_neighbor", sizeof(TfLiteResizeNearestNeighborParams), kResizeNearestNeighbor},
    {"pad", sizeof(TfLitePadParams), {}},
    {"padv2", sizeof(TfLitePadV2Params), {}},
    {"reshape", sizeof(TfLiteReshapeParams), kReshape},
    {"skip_gram", sizeof(TfLiteSkipGramParams), kSkipGram},
    {"space_to_depth", sizeof(TfLiteSpaceToDepthParams), kSpaceToDepth},
    {"depth_to_space", sizeof(TfLiteDepthToSpaceParams), kDepthToSpace},
    {"cast", sizeof(TfLiteCastParams), kCast},
    {"embedding_lookup_sparse", sizeof(TfLiteEmbeddingLookupSparseParams), kEmbeddingLookupSparse},
    {"gather", sizeof(TfLiteGatherParams), kGather},
    {"transpose", sizeof(TfLiteTransposeParams), {}},
    {"mean", sizeof(TfLiteReducerParams), kReducer},
    {"sum", sizeof(TfLiteReducerParams), kReducer},
    {"reduce_prod", sizeof(TfLiteReducerParams), kReducer},
    {"reduce_max", sizeof(TfLiteReducerParams), kReducer},
    {"reduce_min", sizeof(TfLiteReducerParams), kReducer},
    {"reduce_any", sizeof(TfLiteReducerParams), kReducer},
    {"reduce_all", sizeof(TfLiteReducerParams), kReducer},
    {"split", sizeof(TfLiteSplitParams), kSplit},
    {"split_v", sizeof(TfLiteSplitVParams), kSplitV},
    {"squeeze", sizeof(TfLiteSqueezeParams), kSqueeze},
    {"strided_slice", sizeof(TfLiteStridedSliceParams), kStridedSlice},
    {"arg_max", sizeof(TfLiteArgMaxParams), kArgMax},
    {"arg_min", sizeof(TfLiteArgMinParams), kArgMin},
    {"transpose_conv", sizeof(TfLiteTransposeConvParams), kTransposeConv},
    {"sparse_to_dense", sizeof(TfLiteSparseToDenseParams), kSparseToDense},
    {"shape", sizeof(TfLiteShapeParams), kShape},
    {"rank", sizeof(TfLiteRankParams), {}},
    {"fake_quant", sizeof(TfLiteFakeQuantParams), kFakeQuant},
    {"pack", sizeof(TfLitePackParams), kPack},
    {"one_hot", sizeof(TfLiteOneHotParams), kOneHot},
    {"unpack", sizeof(TfLiteUnpackParams), kUnpack},
    {"leaky_relu", sizeof(TfLiteLeakyReluParams), kLeakyRelu},
    {"unique", sizeof(TfLiteUniqueParams), kUnique},
    {"reverse_sequence", sizeof(TfLiteReverseSequenceParams), kReverseSequence},
    {"matrix_diag", sizeof(TfLiteMatrixDiagParams), {}},
    {"matrix_set_diag", sizeof(TfLiteMatrixSetDiagParams), {}},
    {"if", sizeof(TfLiteIfParams), kIf},
    {"while", sizeof(TfLiteWhileParams), kWhile},
    {"cumsum", sizeof(TfLiteCumsumParams), kCumsum},
    {"call_once", sizeof(TfLiteCallOnceParams), kCallOnce},
    {"hashtable", sizeof(TfLiteHashtableParams), kHashtable},
    {"random_uniform", sizeof(TfLiteRandomParams), kRandom},
    {"random_standard_normal", sizeof(TfLiteRandomParams), kRandom},
    {"multinomial", sizeof(TfLiteRandomParams), kRandom},
    {"bucketize", sizeof(TfLiteBucketizeParams), kBucketize},
    {"gelu", sizeof(TfLiteGeluParams), kGelu},
    {"mirror_pad", sizeof(TfLiteMirrorPaddingParams), kMirrorPadding},
};

template <class T> void Put(char* at, T value) { std::memcpy(at, &value, sizeof value); }

void Set(const Field& field, const OctetDelegateAttribute& a, char* to) {
  switch (field.kind) {
    case Kind::kInt: return Put(to + field.offset, static_cast<int>(a.value));
    case Kind::kBool: return Put(to + field.offset, a.value != 0);
    case Kind::kFloat: return Put(to + field.offset, static_cast<float>(a.real));
    case Kind::kPlusOne: return Put(to + field.offset, static_cast<int>(a.value) + 1);
    case Kind::kType: return Put(to + field.offset, ToTfLiteType(static_cast<DType>(a.value)));
    case Kind::kInts: {
      const int count = a.count < 8 ? a.count : 8;
      for (int i = 0; i < count; ++i) Put(to + field.offset + static_cast<size_t>(i) * sizeof(int32_t), static_cast<int32_t>(a.ints[i]));
      return Put(to + field.count_offset, count);
    }
    case Kind::kFloats: Put(to + field.offset, a.floats); return Put(to + field.count_offset, static_cast<int>(a.count));
  }
}

}  // namespace

void* MakeBuiltinData(const OctetDelegateNode& node) {
  if (node.custom_name) return nullptr;
  for (const Parameters& p : kParameters) {
    if (p.op != node.op) continue;
    auto* data = static_cast<char*>(std::calloc(1, p.bytes));
    for (const Field& field : p.fields)
      for (int32_t i = 0; data && i < node.num_attributes; ++i)
        if (field.attribute == node.attributes[i].name) Set(field, node.attributes[i], data);
    return data;
  }
  return nullptr;
}

}  // namespace octet::tflite_abi
