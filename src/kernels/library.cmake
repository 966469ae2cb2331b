# The small runtime's loops stay loops that are worth having.
if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
  target_compile_options(octet_kernels PRIVATE -O2)
endif()
