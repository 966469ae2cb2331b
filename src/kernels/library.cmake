# Accumulators may overflow in hostile models (a bias of INT32_MIN): the sum then wraps around in two's complement,
# as it does in TensorFlow Lite's build, instead of being undefined.
target_compile_options(octet_kernels PRIVATE -fwrapv)
