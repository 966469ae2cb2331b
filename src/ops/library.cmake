# Half the bytes of -O3 and the same vector loops: what -O3 adds here are copies of reference kernels (unswitched, peeled, inlined
# by type). What carries the fast kernels of src/kernels through a tensor keeps -O3, as they do.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(octet_ops PRIVATE -O2 -fvect-cost-model=dynamic)
  file(GLOB fast_files ${PROJECT_SOURCE_DIR}/src/ops/*_s8_util.cc ${PROJECT_SOURCE_DIR}/src/ops/*_f32_util.cc ${PROJECT_SOURCE_DIR}/src/ops/hybrid_*_util.cc
                       ${PROJECT_SOURCE_DIR}/src/ops/lstm_packed*_util.cc ${PROJECT_SOURCE_DIR}/src/ops/softmax*.cc ${PROJECT_SOURCE_DIR}/src/ops/pool_util.cc
                       ${PROJECT_SOURCE_DIR}/src/ops/mean.cc)
  list(APPEND fast_files ${PROJECT_SOURCE_DIR}/src/ops/int8_util.cc ${PROJECT_SOURCE_DIR}/src/ops/binary_vector_util.cc)
  set_source_files_properties(${fast_files} PROPERTIES COMPILE_OPTIONS -O3)
  # TensorFlow's own operators on text, buckets and small matrices, tables and random numbers, what only importers call, and what is
  # rare, or a reference beside what runs: no network's time.
  file(GLOB small_files ${PROJECT_SOURCE_DIR}/src/ops/flex_*.cc ${PROJECT_SOURCE_DIR}/src/ops/flexbuffer_util.cc ${PROJECT_SOURCE_DIR}/src/ops/regex_util.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/decomposition_util.cc ${PROJECT_SOURCE_DIR}/src/ops/incomplete_util.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/hashtable*.cc ${PROJECT_SOURCE_DIR}/src/ops/random_*.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/keras_conv_util.cc ${PROJECT_SOURCE_DIR}/src/ops/layout_util.cc ${PROJECT_SOURCE_DIR}/src/ops/node_def_util.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/reduce_prod.cc ${PROJECT_SOURCE_DIR}/src/ops/unique.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/transpose_conv.cc ${PROJECT_SOURCE_DIR}/src/ops/resource_util.cc ${PROJECT_SOURCE_DIR}/src/ops/conv_3d_transpose.cc ${PROJECT_SOURCE_DIR}/src/ops/window_util.cc ${PROJECT_SOURCE_DIR}/src/ops/stablehlo_*.cc)
  set_source_files_properties(${small_files} PROPERTIES COMPILE_OPTIONS -Os)
endif()

# Nobody reads floating-point flags or errno here; as if somebody did, compilers keep comparisons and square roots out of vector loops.
# Where those are what an operator does: everywhere it would be 0.2 MB.
foreach(name select_util arg_util reduce_min average_pool_2d)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/ops/${name}.cc APPEND PROPERTY COMPILE_OPTIONS -fno-trapping-math)
endforeach()
set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/ops/sqrt.cc APPEND PROPERTY COMPILE_OPTIONS -fno-math-errno)
