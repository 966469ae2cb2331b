# Delegates that a build may leave out. None of them links anything: what they use is loaded at run time.
# A runtime of chosen operators (OCTET_OPS) is for size: it has none unless asked.
set(gpu_wanted ON)
if(OCTET_OPS)
  set(gpu_wanted OFF)
endif()
option(OCTET_GPU "The delegate 'gpu': OpenCL or OpenGL ES" ${gpu_wanted})
if(OCTET_GPU)
  target_compile_definitions(octet_delegates PRIVATE OCTET_GPU=1)
else()
  get_target_property(delegate_sources octet_delegates SOURCES)
  list(FILTER delegate_sources EXCLUDE REGEX "/delegates/gpu/")
  set_target_properties(octet_delegates PROPERTIES SOURCES "${delegate_sources}")
endif()
