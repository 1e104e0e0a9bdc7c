/* The interface of the differential fuzzer in addition to runtime/modelrt.h: builds a model in memory. */
#ifndef MODELCTL_TESTS_DIFFERENTIAL_H
#define MODELCTL_TESTS_DIFFERENTIAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Builds the ONNX model in `bytes` at a level of optimization and writes the artifact to `path`. Each of the `bound`
 * symbolic sizes is fixed. Answers as modelrt.h does: 0, or the exit code of the failure with *error set to one line
 * "[code] message" for each fault, to be freed with modelrt_string_free(). */
__attribute__((visibility("default"))) int32_t differential_build(const void* bytes, size_t size, int32_t level,
                                                                  const char* const* symbols, const int64_t* sizes,
                                                                  size_t bound, const char* path, char** error);

/* Reads a model as `build` does and writes its graph as text to *text after the last pass of the level. */
__attribute__((visibility("default"))) int32_t differential_print(const void* bytes, size_t size, int32_t level,
                                                                  char** text);

#ifdef __cplusplus
}
#endif

#endif
