# The schema's C++ form, made by flatc at build time; three .cc files see it (schema.h).
find_program(FLATC flatc REQUIRED)
set(schema_header ${PROJECT_BINARY_DIR}/generated/schema_generated.h)
add_custom_command(
  OUTPUT ${schema_header}
  COMMAND ${FLATC} --cpp --scoped-enums --reflect-names -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs)
add_custom_target(octet_schema DEPENDS ${schema_header})
add_dependencies(octet_tflite octet_schema)
