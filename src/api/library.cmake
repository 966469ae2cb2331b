target_compile_definitions(octet_api PRIVATE OCTET_VERSION="${PROJECT_VERSION}")
