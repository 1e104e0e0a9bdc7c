/*
 * modelrt: running a compiled model from C, or from anything that can call C.
 *
 * Link with a library that `modelctl link ARTIFACT --shared -o libNAME.so` made; it has the model inside.
 *
 *   modelrt_model* model = NULL;
 *   modelrt_session* session = NULL;
 *   modelrt_result* result = NULL;
 *   char* error = NULL;
 *   const float pixels[64] = {0};
 *   const int64_t dims[4] = {1, 1, 8, 8};
 *   const modelrt_tensor input = {"image", MODELRT_F32, 4, dims, pixels};
 *   if (modelrt_load_embedded(&model, &error) == 0 && modelrt_session_create(model, 0, &session, &error) == 0 &&
 *       modelrt_run(session, &input, 1, &result, &error) == 0) {
 *     modelrt_tensor output;
 *     modelrt_result_output(result, 0, &output);
 *     ... output.data ...
 *   }
 *   modelrt_string_free(error);
 *   modelrt_result_free(result);
 *   modelrt_session_free(session);
 *   modelrt_model_free(model);
 *
 * Errors. A function that can fail returns 0, or a number of the kind of the failure (MODELRT_BAD_INPUT, ...), and
 * then, if `error` is not null, sets *error to a message of one or more lines for people, to be freed with
 * modelrt_string_free(). On success *error is left alone. No function aborts or throws because of what it is given,
 * except pointers that do not point to what the documentation requires.
 *
 * Threads. A model is immutable: any number of threads and sessions may use it. A session serves one thread at a time;
 * give each thread its own. Results are independent of both.
 *
 * Ownership. Whoever creates an object frees it; every free function takes null. A session keeps its model alive, so
 * the two may be freed in any order. What a function returns as a pointer into an object lives as long as the object.
 */
#ifndef MODELRT_H
#define MODELRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MODELRT_API __attribute__((visibility("default")))

/* Raised by one whenever a program compiled against an older header could not run; compare with modelrt_abi(). */
#define MODELRT_ABI 1

/* What failed; the numbers are modelctl's exit codes. */
#define MODELRT_OK 0
#define MODELRT_USAGE 64       /* a null pointer or an index out of range */
#define MODELRT_BAD_INPUT 65   /* tensors that do not fit, or a damaged artifact */
#define MODELRT_NOT_FOUND 66   /* no such file, or no model inside */
#define MODELRT_UNAVAILABLE 69 /* not enough memory */
#define MODELRT_BUG 70         /* our fault */
#define MODELRT_IO 74          /* a disk failed */
#define MODELRT_UNSUPPORTED 79 /* the artifact needs what this library does not have */

/* Element types, numbered as in ONNX. Tensors are dense, row-major and little-endian. */
#define MODELRT_F32 1
#define MODELRT_U8 2
#define MODELRT_I8 3
#define MODELRT_U16 4
#define MODELRT_I16 5
#define MODELRT_I32 6
#define MODELRT_I64 7
#define MODELRT_STRING 8 /* an array of const char*, each ended by a zero byte */
#define MODELRT_BOOL 9   /* one byte, 0 or 1 */
#define MODELRT_F16 10
#define MODELRT_F64 11
#define MODELRT_U32 12
#define MODELRT_U64 13
#define MODELRT_BF16 16

typedef struct modelrt_model modelrt_model;
typedef struct modelrt_session modelrt_session;
typedef struct modelrt_result modelrt_result;

/* An input given, or an output received. */
typedef struct modelrt_tensor {
  const char* name; /* of the input; null or "" takes the next one in the model's order that no name claims */
  int32_t type;
  int32_t rank;
  const int64_t* dims;
  const void* data;
} modelrt_tensor;

/* An input or output of a model's signature. */
typedef struct modelrt_port {
  const char* name;
  int32_t type;
  int32_t rank;
  const int64_t* dims;        /* -1 if the size is a symbol's */
  const char* const* symbols; /* the symbol's name; "" if the size is fixed, "?" if it depends on the data */
} modelrt_port;

/* A state: an output that continues an input, as a decoder's cache does. */
typedef struct modelrt_state {
  size_t input;
  size_t output;
  int32_t axis; /* along which rows are added or replaced */
} modelrt_state;

/* Your memory for an output of a run. A state may lie where the input that it continues lies: nothing of that is copied
   then. It overlaps no other memory of the run. */
typedef struct modelrt_output_buffer {
  size_t output;
  void* data;
  size_t bytes;
  int64_t capacity; /* of a state that grows: how many rows `data` holds along its axis, for each of what stands before
                   the axis; the input's rows lie so as well. 0 if the output lies densely */
} modelrt_output_buffer;

/* MODELRT_ABI of the library, and its version as text. */
MODELRT_API int32_t modelrt_abi(void);
MODELRT_API const char* modelrt_version(void);

/* Loads the model inside the library or program that holds this function. */
MODELRT_API int32_t modelrt_load_embedded(modelrt_model** model, char** error);
/* Loads an artifact; its weights are mapped, so the file must stay as it is. */
MODELRT_API int32_t modelrt_load_file(const char* path, modelrt_model** model, char** error);
/* Loads an artifact from memory, which is copied. */
MODELRT_API int32_t modelrt_load_memory(const void* bytes, size_t size, modelrt_model** model, char** error);
MODELRT_API void modelrt_model_free(modelrt_model* model);

MODELRT_API size_t modelrt_input_count(const modelrt_model* model);
MODELRT_API size_t modelrt_output_count(const modelrt_model* model);
/* Fills *port with input or output `index`; its pointers live as long as the model. */
MODELRT_API int32_t modelrt_input(const modelrt_model* model, size_t index, modelrt_port* port);
MODELRT_API int32_t modelrt_output(const modelrt_model* model, size_t index, modelrt_port* port);

/* States: fills *state with state `index`. */
MODELRT_API size_t modelrt_state_count(const modelrt_model* model);
MODELRT_API int32_t modelrt_state_at(const modelrt_model* model, size_t index, modelrt_state* state);

/* `threads` counts the caller: 1 runs on it alone; 0 takes all CPUs that the process may use. */
MODELRT_API int32_t modelrt_session_create(const modelrt_model* model, int32_t threads, modelrt_session** session,
                                           char** error);
MODELRT_API void modelrt_session_free(modelrt_session* session);

/* Runs once. The inputs' memory is read during the call only. */
MODELRT_API int32_t modelrt_run(modelrt_session* session, const modelrt_tensor* inputs, size_t count,
                                modelrt_result** result, char** error);
/* The same with some outputs in memory of yours. In the result such an output's data is your memory; with a capacity it
   has type and rank 0 and no data. */
MODELRT_API int32_t modelrt_run_into(modelrt_session* session, const modelrt_tensor* inputs, size_t count,
                                     const modelrt_output_buffer* buffers, size_t buffer_count, modelrt_result** result,
                                     char** error);
/* Fills *output with output `index`, in the signature's order; its pointers live as long as the result. */
MODELRT_API int32_t modelrt_result_output(const modelrt_result* result, size_t index, modelrt_tensor* output);
MODELRT_API size_t modelrt_result_count(const modelrt_result* result);
MODELRT_API void modelrt_result_free(modelrt_result* result);

MODELRT_API void modelrt_string_free(char* text);

#ifdef __cplusplus
}
#endif

#endif
