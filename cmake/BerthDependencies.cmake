# Everything here is a package of Debian 12; scripts/bootstrap installs it.
# In a static build the static archives are named outright: pkg-config's lists
# pull in all that Debian's libarchive could ever need, we use tar and gzip.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

if(BERTH_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()
find_library(BERTH_ARCHIVE archive REQUIRED)
find_library(BERTH_Z z REQUIRED)
find_library(BERTH_RE2 re2 REQUIRED)
find_library(BERTH_FUSE fuse3 REQUIRED)
set(CMAKE_FIND_LIBRARY_SUFFIXES .so .a)

# Debian ships no static libfmt. (fmt::fmt would bring the shared one.)
get_target_property(BERTH_FMT_INCLUDE fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
add_library(berth_fmt STATIC ${CMAKE_SOURCE_DIR}/cmake/fmt.cc)
target_include_directories(berth_fmt SYSTEM PUBLIC ${BERTH_FMT_INCLUDE})
target_compile_features(berth_fmt PUBLIC cxx_std_23)
if(BERTH_SANITIZE)
  target_compile_options(berth_fmt PRIVATE -fsanitize=${BERTH_SANITIZE})
endif()

add_library(berth_zlib INTERFACE)
target_link_libraries(berth_zlib INTERFACE ${BERTH_Z})

add_library(berth_archive INTERFACE)
target_link_libraries(berth_archive INTERFACE ${BERTH_ARCHIVE} berth_zlib)

# Asio's headers alone, for the event loop; no library of Boost is linked.
find_path(BERTH_ASIO_INCLUDE boost/asio/io_context.hpp REQUIRED)
add_library(berth_asio INTERFACE)
target_include_directories(berth_asio SYSTEM INTERFACE ${BERTH_ASIO_INCLUDE})
target_compile_definitions(berth_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_NO_TS_EXECUTORS
                                                BOOST_ASIO_DISABLE_BOOST_ARRAY
                                                BOOST_ASIO_DISABLE_BOOST_BIND
                                                BOOST_ERROR_CODE_HEADER_ONLY)
target_link_libraries(berth_asio INTERFACE Threads::Threads)

# Users' regular expressions meet logs of any size: RE2 is linear in both.
add_library(berth_re2 INTERFACE)
target_link_libraries(berth_re2 INTERFACE ${BERTH_RE2} Threads::Threads)

# The kernel's side of a mount that we serve. Of the library only its low level is linked
# (src/platform/fast_folder.cc says how that is kept so).
add_library(berth_fuse INTERFACE)
target_link_libraries(berth_fuse INTERFACE ${BERTH_FUSE} Threads::Threads)
target_compile_definitions(berth_fuse INTERFACE FUSE_USE_VERSION=314)

if(BERTH_TESTS)
  find_package(GTest REQUIRED)
  add_library(berth_testing INTERFACE)
  target_link_libraries(berth_testing INTERFACE GTest::gmock_main GTest::gtest Threads::Threads)
endif()
