# What is not once per model but once per tensor and attempt.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/runtime/memory_plan.cc PROPERTIES COMPILE_OPTIONS -O2)
endif()
