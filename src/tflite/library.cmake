# The schema's C++ form, made by flatc at build time; four .cc files see it. Tests read the binary form.
find_program(FLATC flatc REQUIRED)
set(schema ${PROJECT_BINARY_DIR}/generated/schema)
add_custom_command(
  OUTPUT ${schema}_generated.h ${schema}.bfbs
  COMMAND ${FLATC} --cpp --scoped-enums --reflect-names -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  COMMAND ${FLATC} --binary --schema -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs)
set(metadata ${PROJECT_BINARY_DIR}/generated/metadata)
add_custom_command(
  OUTPUT ${metadata}_generated.h
  COMMAND ${FLATC} --cpp --scoped-enums -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/metadata.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/metadata.fbs)
# The builtin operators' names in the order of their codes, each behind a blank: an array of pointers to them, as flatc writes it, has a
# relocation for each, 6 kB in every small runtime.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs)
file(READ ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs text)
string(REGEX REPLACE ".*enum BuiltinOperator:int32 {([^}]*)}.*" "\\1" text "${text}")
string(REGEX MATCHALL "[A-Z0-9_]+ = [0-9]+" operators "${text}")
set(names "")
set(code 0)
foreach(operator IN LISTS operators)
  if(NOT operator MATCHES "^([A-Z0-9_]+) = ${code}$")
    message(FATAL_ERROR "src/tflite/schema.fbs: expected the operator of code ${code}, found '${operator}'")
  endif()
  string(APPEND names " ${CMAKE_MATCH_1}")
  math(EXPR code "${code} + 1")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/builtin_names.h @ONLY
     CONTENT "inline constexpr int kBuiltins = @code@;\ninline constexpr char kBuiltinNames[] = \"@names@\";\n")
add_custom_target(octet_schema DEPENDS ${schema}_generated.h ${metadata}_generated.h)
add_dependencies(octet_tflite octet_schema)
