# PostgreSQL's client library; the migrations are built in.
find_package(PostgreSQL REQUIRED)
find_package(OpenSSL REQUIRED)
file(GLOB migrations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/fleet/migrations/*.sql)
set(migrations_cc ${PROJECT_BINARY_DIR}/generated/fleet_migrations.cc)
add_custom_command(OUTPUT ${migrations_cc} DEPENDS ${migrations} ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake
                   COMMAND ${CMAKE_COMMAND} -D "FILES=${migrations}" -D OUT=${migrations_cc} -P ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake VERBATIM)
target_sources(octet_fleet PRIVATE ${migrations_cc})
target_link_libraries(octet_fleet PRIVATE PostgreSQL::PostgreSQL OpenSSL::Crypto z)
