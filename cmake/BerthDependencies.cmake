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
set(CMAKE_FIND_LIBRARY_SUFFIXES .so .a)

# Debian ships no static libfmt.
add_library(berth_fmt ALIAS fmt::fmt-header-only)

add_library(berth_archive INTERFACE)
target_link_libraries(berth_archive INTERFACE ${BERTH_ARCHIVE} ${BERTH_Z})

# Users' regular expressions meet logs of any size: RE2 is linear in both.
add_library(berth_re2 INTERFACE)
target_link_libraries(berth_re2 INTERFACE ${BERTH_RE2} Threads::Threads)

if(BERTH_TESTS)
  find_package(GTest REQUIRED)
  add_library(berth_testing INTERFACE)
  target_link_libraries(berth_testing INTERFACE GTest::gmock_main GTest::gtest Threads::Threads)
endif()
