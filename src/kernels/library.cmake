# The small runtime: products and windows stay fast, the rest is made small. Link-time optimization must not move code between
# instruction sets.
if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  file(GLOB isa_files ${PROJECT_SOURCE_DIR}/src/kernels/isa/*.cc)
  set_property(SOURCE ${isa_files} APPEND PROPERTY COMPILE_OPTIONS -fno-lto)
  file(GLOB product_files ${PROJECT_SOURCE_DIR}/src/kernels/isa/avx*_int8.cc ${PROJECT_SOURCE_DIR}/src/kernels/isa/avx*_products_f32.cc
                          ${PROJECT_SOURCE_DIR}/src/kernels/isa/neon_*int8.cc ${PROJECT_SOURCE_DIR}/src/kernels/isa/neon_products_f32.cc)
  set_property(SOURCE ${product_files} APPEND PROPERTY COMPILE_OPTIONS -O2)
endif()

# Kernels call nothing that throws: their unwind tables would be a hundredth of the shared library, for nothing.
target_compile_options(octet_kernels PRIVATE -fno-asynchronous-unwind-tables -fno-unwind-tables)

# Of the forms for one lane, -O3 makes twice to four times as much (copies for every step and overlap).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/kernels/isa/scalar_elementwise.cc ${PROJECT_SOURCE_DIR}/src/kernels/isa/scalar_fixed16.cc
               APPEND PROPERTY COMPILE_OPTIONS -O2)
endif()
