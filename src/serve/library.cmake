find_package(OpenSSL REQUIRED)
find_package(Boost 1.74 REQUIRED)  # Headers only: Asio and Beast.
target_link_libraries(octet_serve PRIVATE OpenSSL::SSL OpenSSL::Crypto Boost::headers)
