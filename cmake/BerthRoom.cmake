# berth_room(NAME [DEPENDS room...] [LIBRARIES lib...])
#
# One folder under src/ is one room: a static library berth_<name> of its *.cc
# and, from its *_test.cc, one test program berth_<name>_test.

add_library(berth_options INTERFACE)
target_compile_features(berth_options INTERFACE cxx_std_23)
target_include_directories(berth_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include
                                                   ${CMAKE_BINARY_DIR}/generated)
target_compile_options(berth_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wcast-align
  -Woverloaded-virtual -Wimplicit-fallthrough -Wunused-result>
  -fstack-protector-strong -fno-omit-frame-pointer)
# GCC 12 reports accesses inside its own headers that cannot happen.
target_compile_options(berth_options INTERFACE
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized -Wno-restrict>)
target_compile_definitions(berth_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
if(BERTH_SANITIZE)
  target_compile_options(berth_options INTERFACE -fsanitize=${BERTH_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(berth_options INTERFACE -fsanitize=${BERTH_SANITIZE})
endif()

function(berth_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")

  list(TRANSFORM ROOM_DEPENDS PREPEND berth_)
  if(NOT sources)
    add_library(berth_${name} INTERFACE)
    target_link_libraries(berth_${name} INTERFACE berth_options ${ROOM_DEPENDS} ${ROOM_LIBRARIES})
    return()
  endif()
  add_library(berth_${name} STATIC ${sources})
  target_link_libraries(berth_${name} PUBLIC berth_options ${ROOM_DEPENDS} ${ROOM_LIBRARIES})

  if(BERTH_TESTS AND tests)
    add_executable(berth_${name}_test ${tests})
    target_link_libraries(berth_${name}_test PRIVATE berth_${name} berth_testing)
    add_test(NAME unit.${name} COMMAND berth_${name}_test --gtest_brief=1)
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 240)
  endif()
endfunction()
