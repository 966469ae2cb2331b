# The GPU delegate: against stand-ins for OpenCL and OpenGL ES, and on a GPU in software where there is one (PoCL, Mesa).
foreach(fake fake_opencl fake_opengl)
  add_library(${fake} SHARED ${CMAKE_CURRENT_LIST_DIR}/${fake}.c)
  set_target_properties(${fake} PROPERTIES C_VISIBILITY_PRESET hidden)
  add_dependencies(octet_tests ${fake})
  string(TOUPPER ${fake} upper)
  target_compile_definitions(octet_tests PRIVATE OCTET_${upper}="$<TARGET_FILE:${fake}>")
endforeach()
# Every operator's vectors; what the delegate does not take is the CPU's.
foreach(api opencl gles)
  add_test(NAME op_vectors_${api} COMMAND octet_conformance -v --delegate "gpu;api=${api};cache=${PROJECT_SOURCE_DIR}/build/gpu-cache" ${vector_folders})
  set_tests_properties(op_vectors_${api} PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT POCL_CACHE_DIR=${PROJECT_SOURCE_DIR}/build/gpu-cache/pocl)
endforeach()
