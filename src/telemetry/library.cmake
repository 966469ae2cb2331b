find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Boost 1.74 REQUIRED)  # Headers only: Asio and Beast.
target_link_libraries(octet_telemetry PRIVATE OpenSSL::SSL OpenSSL::Crypto SQLite::SQLite3 Boost::headers z)
