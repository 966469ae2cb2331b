# What runs once, when delegates and foreign operators are attached: half the bytes.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  foreach(file delegate foreign_op op_library partition plan_delegates shadow)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/src/runtime/${file}.cc PROPERTIES COMPILE_OPTIONS -Os)
  endforeach()
endif()
