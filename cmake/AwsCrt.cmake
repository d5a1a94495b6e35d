# The AWS Common Runtime: HTTP, TLS, signatures and credentials, as static libraries.
#
# Sources: scripts/fetch-awscrt. Everything is built as its own authors build it, with none of our
# flags and silently; the whole of it is reached through the one target berth_awscrt.

set(BERTH_AWSCRT_SOURCE ${CMAKE_SOURCE_DIR}/build/third_party/awscrt CACHE PATH
    "Where scripts/fetch-awscrt has put the sources of awscrt")
if(NOT EXISTS ${BERTH_AWSCRT_SOURCE}/crt/aws-c-auth/CMakeLists.txt)
  message(FATAL_ERROR "No sources of the AWS Common Runtime in ${BERTH_AWSCRT_SOURCE}: "
                      "run scripts/fetch-awscrt first (make build does)")
endif()
# Without its feature probes s2n builds all the same, with TLS 1.2 and slow ciphers only.
if(NOT EXISTS ${BERTH_AWSCRT_SOURCE}/crt/s2n/tests/features)
  message(FATAL_ERROR "${BERTH_AWSCRT_SOURCE}/crt/s2n/tests/features is missing: "
                      "remove ${BERTH_AWSCRT_SOURCE} and run scripts/fetch-awscrt")
endif()

# One libcrypto for all: both Findcrypto.cmake (s2n's, aws-c-cal's) take this target where it
# exists. Left to themselves one may pick libcrypto.so and the other libcrypto.a.
find_library(BERTH_LIBCRYPTO libcrypto.a REQUIRED)
find_path(BERTH_LIBCRYPTO_INCLUDE openssl/crypto.h REQUIRED)
add_library(AWS::crypto STATIC IMPORTED GLOBAL)
set_target_properties(AWS::crypto PROPERTIES
  IMPORTED_LOCATION ${BERTH_LIBCRYPTO}
  INTERFACE_INCLUDE_DIRECTORIES ${BERTH_LIBCRYPTO_INCLUDE}
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")

# A function, so that what is set for them stays with them.
function(berth_add_awscrt)
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # option() respects the variables set here
  set(IN_SOURCE_BUILD ON)
  set(BUILD_TESTING OFF)
  set(BUILD_SHARED_LIBS OFF)
  set(USE_OPENSSL ON)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(S2N_USE_CRYPTO_SHARED_LIBS OFF)
  set(AWS_USE_CRYPTO_SHARED_LIBS OFF)
  set(UNSAFE_TREAT_WARNINGS_AS_ERRORS OFF)  # newer compilers find new warnings in s2n
  set(S2N_STACKTRACE OFF)
  set(S2N_ENFORCE_PROPER_LIBCRYPTO_FEATURE_PROBE ON)
  set(AWS_ENABLE_LTO ${CMAKE_INTERPROCEDURAL_OPTIMIZATION})
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)
  string(APPEND CMAKE_C_FLAGS " -w")
  set(CMAKE_EXPORT_COMPILE_COMMANDS OFF)
  set(CMAKE_SKIP_INSTALL_RULES ON)
  list(APPEND CMAKE_MODULE_PATH ${BERTH_AWSCRT_SOURCE}/crt/aws-c-common/cmake)
  set(CMAKE_MESSAGE_LOG_LEVEL WARNING)
  # Bottom to top.
  foreach(part s2n aws-c-common aws-checksums aws-c-cal aws-c-io aws-c-compression aws-c-http
               aws-c-sdkutils aws-c-auth aws-c-event-stream)
    add_subdirectory(${BERTH_AWSCRT_SOURCE}/crt/${part} ${CMAKE_BINARY_DIR}/awscrt/${part}
                     EXCLUDE_FROM_ALL SYSTEM)
  endforeach()
endfunction()
berth_add_awscrt()

# They look for libnuma.so and libcrypto.so when they start (and for PKCS #11 modules if asked). A static program must load neither:
# the image's libraries belong to another libc, and loading one of them ends in a crash. Without
# libnuma no memory is pinned to a node; libcrypto is linked in.
add_library(berth_awscrt_no_dlopen STATIC ${CMAKE_SOURCE_DIR}/cmake/awscrt_no_dlopen.c)
foreach(part aws-c-common aws-c-cal aws-c-io)
  target_compile_definitions(${part} PRIVATE dlopen=berth_awscrt_dlopen dlsym=berth_awscrt_dlsym
                                             dlclose=berth_awscrt_dlclose)
  target_link_libraries(${part} PUBLIC berth_awscrt_no_dlopen)
endforeach()

# aws-c-event-stream is for serving's response streams; linking it costs nothing until it is used.
add_library(berth_awscrt INTERFACE)
target_link_libraries(berth_awscrt INTERFACE aws-c-auth aws-c-event-stream)
