# A dynamic initializer in lib/ops would keep its file's build half in every runner: there must not be any.
execute_process(COMMAND ${NM} -C ${ARCHIVE} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
string(REGEX MATCHALL "[^\n]*_GLOBAL__sub_I[^\n]*" found "${symbols}")
if(failed OR found)
  message(FATAL_ERROR "lib/ops has dynamic initializers:\n${found}")
endif()
