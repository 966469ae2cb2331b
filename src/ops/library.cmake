# Half the bytes of -O3 and the same vector loops: what -O3 adds here are copies of reference kernels (unswitched, peeled, inlined
# by type). What carries the fast kernels of src/kernels through a tensor keeps -O3, as they do.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(octet_ops PRIVATE -O2 -fvect-cost-model=dynamic)
  file(GLOB fast_files ${PROJECT_SOURCE_DIR}/src/ops/*_s8_util.cc ${PROJECT_SOURCE_DIR}/src/ops/*_f32_util.cc ${PROJECT_SOURCE_DIR}/src/ops/hybrid_*_util.cc
                       ${PROJECT_SOURCE_DIR}/src/ops/lstm_packed*_util.cc ${PROJECT_SOURCE_DIR}/src/ops/softmax*.cc ${PROJECT_SOURCE_DIR}/src/ops/pool_util.cc
                       ${PROJECT_SOURCE_DIR}/src/ops/mean.cc ${PROJECT_SOURCE_DIR}/src/ops/fully_connected.cc)
  list(APPEND fast_files ${PROJECT_SOURCE_DIR}/src/ops/int8_util.cc ${PROJECT_SOURCE_DIR}/src/ops/binary_vector_util.cc)
  set_source_files_properties(${fast_files} PROPERTIES COMPILE_OPTIONS -O3)
  # TensorFlow's own operators on text, buckets and small matrices, tables and random numbers: no network's time.
  file(GLOB small_files ${PROJECT_SOURCE_DIR}/src/ops/flex_*.cc ${PROJECT_SOURCE_DIR}/src/ops/flexbuffer_util.cc ${PROJECT_SOURCE_DIR}/src/ops/regex_util.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/decomposition_util.cc ${PROJECT_SOURCE_DIR}/src/ops/incomplete_util.cc
                        ${PROJECT_SOURCE_DIR}/src/ops/hashtable*.cc ${PROJECT_SOURCE_DIR}/src/ops/random_*.cc)
  set_source_files_properties(${small_files} PROPERTIES COMPILE_OPTIONS -Os)
endif()
