# Every unit test program, and nothing else: what a build with a sanitizer needs.
add_custom_target(unit_tests)

# pgcairn_layer(NAME DEPENDS layer... LIBRARIES lib...)
#
# Makes the static library pgcairn_NAME from every .cc below the current folder and the test program
# NAME_test from every *_test.cc. DEPENDS names the layers it may include; tools/check_layers.py
# holds the same table and fails on an include that runs against it.
function(pgcairn_layer name)
  cmake_parse_arguments(LAYER "" "" "DEPENDS;LIBRARIES;TEST_DEPENDS;EXTRA_SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test\\.cc$|/testing/|/main\\.cc$)")
  list(FILTER tests INCLUDE REGEX "(_test\\.cc$|/testing/)")

  add_library(pgcairn_${name} STATIC ${sources} ${LAYER_EXTRA_SOURCES})
  set(depends ${LAYER_DEPENDS})
  list(TRANSFORM depends PREPEND pgcairn_)
  target_link_libraries(pgcairn_${name} PUBLIC pgcairn_flags ${depends} ${LAYER_LIBRARIES})

  if(PGCAIRN_BUILD_TESTS AND tests)
    set(test_depends ${LAYER_TEST_DEPENDS})
    list(TRANSFORM test_depends PREPEND pgcairn_)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE pgcairn_${name} ${test_depends} GTest::gtest
      GTest::gtest_main)
    add_test(NAME ${name}_test COMMAND ${name}_test)
    set_tests_properties(${name}_test PROPERTIES LABELS "unit")
    add_dependencies(unit_tests ${name}_test)
  endif()
endfunction()
