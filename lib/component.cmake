# The two patterns of everything in lib/: a component (a folder that is a static library) and an
# extension point (a folder whose files each provide one entry of a generated table).

# lib/layers.txt is the one place that says which component may use which: layer_NAME is what the line of NAME lists.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/layers.txt)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/layers.txt layers REGEX "^[a-z_]+:")
foreach(line IN LISTS layers)
  string(REGEX MATCH "^([a-z_]+): *(.*)$" matched "${line}")
  string(REPLACE " " ";" layer_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()

# modelctl_component(NAME [LINKS library...])
#
# Makes the static library modelctl_NAME of every .cpp below lib/NAME, linked with the components that its line in
# lib/layers.txt names and with third-party libraries.
function(modelctl_component name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  if(NOT DEFINED layer_${name})
    message(FATAL_ERROR "lib/layers.txt has no line for the component '${name}'")
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(modelctl_${name} STATIC ${sources})
  target_include_directories(modelctl_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(use IN LISTS layer_${name})
    if(TARGET modelctl_${use})  # a folder of headers alone is not a library
      target_link_libraries(modelctl_${name} PUBLIC modelctl_${use})
    endif()
  endforeach()
  target_link_libraries(modelctl_${name} PRIVATE ${ARG_LINKS})
endfunction()

# modelctl_table(TARGET FOLDERS SUFFIX ELEMENT HEADER ACCESSOR NAMESPACE namespace [WITHOUT regex])
#
# The table of an extension point. Each <stem>.cpp in FOLDERS (one, or a quoted list) defines, in NAMESPACE,
#     std::span<const ELEMENT> <stem>_SUFFIX();
# and ACCESSOR(), declared in HEADER, returns all of their entries in the order of the folders and file names. A file
# without its function is a link error that names it. Files with a line that matches WITHOUT are left out of the table.
# Not self-registration: a static library drops unreferenced objects.
function(modelctl_table target folders suffix element header accessor)
  cmake_parse_arguments(ARG "" "NAMESPACE;WITHOUT" "" ${ARGN})
  set(seen "")
  set(declarations "")
  set(entries "")
  foreach(folder IN LISTS folders)
    file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/${folder}
         ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(SORT sources)
    foreach(source IN LISTS sources)
      get_filename_component(stem ${source} NAME_WE)
      if(ARG_WITHOUT)
        file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${source} marks REGEX "${ARG_WITHOUT}")
        if(marks)
          set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
                       ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${source})
          continue()
        endif()
      endif()
      if(stem IN_LIST seen)
        message(FATAL_ERROR "${folder}/${source}: another folder of this table has a file of the same name")
      endif()
      list(APPEND seen ${stem})
      string(APPEND declarations "std::span<const ${element}> ${stem}_${suffix}();\n")
      string(APPEND entries "    for (const ${element}& entry : ${stem}_${suffix}()) all.push_back(&entry);\n")
    endforeach()
  endforeach()
  string(REPLACE ";" " " places "${folders}")
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${target}_${accessor}_table.cpp)
  file(CONFIGURE OUTPUT ${table} @ONLY CONTENT
"// Generated from the files of ${places}; do not edit.
#include \"${header}\"

#include <span>
#include <vector>

namespace ${ARG_NAMESPACE} {
${declarations}
std::span<const ${element}* const> ${accessor}() {
  static const std::vector<const ${element}*> table = [] {
    std::vector<const ${element}*> all;
${entries}    return all;
  }();
  return table;
}

}  // namespace ${ARG_NAMESPACE}
")
  target_sources(${target} PRIVATE ${table})
endfunction()
