# modelctl_embed(TARGET NAME FILE...): compiles files into TARGET, where they are read without a file system.
#
# Generates an object that .incbin's each file, and NAME.hpp's accessor
#     std::span<const modelctl::EmbeddedFile> modelctl::NAME();
# Paths in the table are relative to RELATIVE_TO (default: this folder).
function(modelctl_embed target name)
  cmake_parse_arguments(ARG "" "RELATIVE_TO" "FILES;DEPENDS" ${ARGN})
  if(NOT ARG_RELATIVE_TO)
    set(ARG_RELATIVE_TO ${CMAKE_SOURCE_DIR}/templates)
  endif()
  set(body "#include \"base/embedded.hpp\"\n\n")
  set(rows "")
  set(index 0)
  foreach(file IN LISTS ARG_FILES)
    file(RELATIVE_PATH path ${ARG_RELATIVE_TO} ${file})
    set(symbol modelctl_embedded_${name}_${index})
    string(APPEND body
      "__asm__(\".section .rodata.${symbol},\\\"a\\\"\\n.balign 64\\n.global ${symbol}\\n${symbol}:\\n"
      ".incbin \\\"${file}\\\"\\n.global ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n.text\\n\");\n"
      "extern \"C\" const unsigned char ${symbol}[];\nextern \"C\" const unsigned char ${symbol}_end[];\n")
    string(APPEND rows "      {\"${path}\", {${symbol}, ${symbol}_end}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND body
    "\nnamespace modelctl {\nstd::span<const EmbeddedFile> ${name}();\n"
    "std::span<const EmbeddedFile> ${name}() {\n  static const EmbeddedFile files[] = {\n${rows}  };\n"
    "  return files;\n}\n}  // namespace modelctl\n")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}_embedded.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "${body}")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${ARG_FILES};${ARG_DEPENDS}")
  target_sources(${target} PRIVATE ${source})
endfunction()
