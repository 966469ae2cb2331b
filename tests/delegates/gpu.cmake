# The GPU delegate: against a stand-in for OpenCL, and on a GPU in software where there is one (PoCL, Mesa).
if(OCTET_GPU)
  add_library(fake_opencl SHARED ${CMAKE_CURRENT_LIST_DIR}/fake_opencl.c)
  set_target_properties(fake_opencl PROPERTIES C_VISIBILITY_PRESET hidden)
  add_dependencies(octet_tests fake_opencl)
  target_compile_definitions(octet_tests PRIVATE OCTET_FAKE_OPENCL="$<TARGET_FILE:fake_opencl>")
  # Every operator's vectors; what the delegate does not take is the CPU's.
  foreach(api opencl gles)
    add_test(NAME op_vectors_${api} COMMAND octet_conformance -v --delegate "gpu;api=${api};cache=${PROJECT_SOURCE_DIR}/build/gpu-cache" ${vector_folders})
    set_tests_properties(op_vectors_${api} PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT POCL_CACHE_DIR=${PROJECT_SOURCE_DIR}/build/gpu-cache/pocl)
  endforeach()
endif()
