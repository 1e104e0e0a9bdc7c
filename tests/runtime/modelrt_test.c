/* modelrt_test ARTIFACT: the C interface, used by a C program, of a library that contains the artifact.
   The model is x[n,3] + (-1, 0, 1), then relu, to y. */
#include "runtime/modelrt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

static void check_signature(const modelrt_model* model) {
  modelrt_port port;
  CHECK(modelrt_input_count(model) == 1);
  CHECK(modelrt_output_count(model) == 1);
  CHECK(modelrt_input(model, 0, &port) == MODELRT_OK);
  CHECK(strcmp(port.name, "x") == 0);
  CHECK(port.type == MODELRT_F32);
  CHECK(port.rank == 2);
  CHECK(port.dims[0] == -1 && strcmp(port.symbols[0], "n") == 0);
  CHECK(port.dims[1] == 3 && strcmp(port.symbols[1], "") == 0);
  CHECK(modelrt_output(model, 0, &port) == MODELRT_OK);
  CHECK(strcmp(port.name, "y") == 0);
  CHECK(modelrt_input(model, 1, &port) == MODELRT_USAGE);
}

static void check_runs(modelrt_session* session) {
  const float values[6] = {1, 2, 3, -1, -2, -3};
  const float expected[6] = {0, 2, 4, 0, 0, 0};
  const int64_t dims[2] = {2, 3};
  const modelrt_tensor input = {"x", MODELRT_F32, 2, dims, values};
  modelrt_result* result = NULL;
  modelrt_tensor output;
  CHECK(modelrt_run(session, &input, 1, &result, NULL) == MODELRT_OK);
  CHECK(modelrt_result_count(result) == 1);
  CHECK(modelrt_result_output(result, 0, &output) == MODELRT_OK);
  CHECK(strcmp(output.name, "y") == 0);
  CHECK(output.type == MODELRT_F32 && output.rank == 2 && output.dims[0] == 2 && output.dims[1] == 3);
  CHECK(memcmp(output.data, expected, sizeof expected) == 0);
  CHECK(modelrt_result_output(result, 1, &output) == MODELRT_USAGE);
  modelrt_result_free(result);
}

/* The output lies where the caller says; the model continues nothing. */
static void check_places(modelrt_session* session) {
  const float values[6] = {1, 2, 3, -1, -2, -3}, expected[6] = {0, 2, 4, 0, 0, 0};
  const int64_t dims[2] = {2, 3};
  const modelrt_tensor input = {"x", MODELRT_F32, 2, dims, values};
  float memory[6];
  modelrt_output_buffer buffer = {0, memory, sizeof memory, 0};
  modelrt_result* result = NULL;
  modelrt_tensor output;
  CHECK(modelrt_run_into(session, &input, 1, &buffer, 1, &result, NULL) == MODELRT_OK);
  CHECK(modelrt_result_output(result, 0, &output) == MODELRT_OK);
  CHECK(output.data == memory);
  CHECK(memcmp(memory, expected, sizeof expected) == 0);
  modelrt_result_free(result);
  result = NULL;
  buffer.bytes = 4;
  CHECK(modelrt_run_into(session, &input, 1, &buffer, 1, &result, NULL) == MODELRT_USAGE);
  buffer.bytes = sizeof memory;
  buffer.output = 1;
  CHECK(modelrt_run_into(session, &input, 1, &buffer, 1, &result, NULL) == MODELRT_USAGE);
  CHECK(modelrt_run_into(session, &input, 1, NULL, 1, &result, NULL) == MODELRT_USAGE);
  CHECK(result == NULL);
}

static void check_faults(modelrt_session* session) {
  const double values[3] = {1, 2, 3};
  const int64_t dims[2] = {1, 3};
  modelrt_tensor input = {"", MODELRT_F64, 2, dims, values};
  modelrt_result* result = NULL;
  char* error = NULL;
  CHECK(modelrt_run(session, &input, 1, &result, &error) == MODELRT_BAD_INPUT);
  CHECK(strcmp(error, "error[wrong-type]: the input 'x' must be of type f32, but is f64[1,3]\n") == 0);
  modelrt_string_free(error);
  input.name = "z";
  CHECK(modelrt_run(session, &input, 1, &result, NULL) == MODELRT_BAD_INPUT);
  CHECK(modelrt_run(session, NULL, 1, &result, NULL) == MODELRT_USAGE);
  input.rank = 99;
  CHECK(modelrt_run(session, &input, 1, &result, NULL) == MODELRT_USAGE);
  CHECK(result == NULL);
}

static void check_model(modelrt_model* model) {
  modelrt_session* session = NULL;
  modelrt_state state;
  CHECK(model != NULL);
  CHECK(modelrt_state_count(model) == 0 && modelrt_state_at(model, 0, &state) == MODELRT_USAGE);
  check_signature(model);
  CHECK(modelrt_session_create(model, 0, &session, NULL) == MODELRT_OK); /* all CPUs that the process may use */
  modelrt_session_free(session);
  CHECK(modelrt_session_create(model, 2, &session, NULL) == MODELRT_OK);
  modelrt_model_free(model); /* the session keeps what it needs */
  check_runs(session);
  check_places(session);
  check_faults(session);
  check_runs(session);
  modelrt_session_free(session);
}

static void* read_whole(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  void* bytes;
  CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
  *size = (size_t)ftell(file);
  rewind(file);
  bytes = malloc(*size);
  CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

int main(int argc, char** argv) {
  modelrt_model* model = NULL;
  char* error = NULL;
  size_t size;
  void* bytes;
  CHECK(argc == 2);
  CHECK(modelrt_abi() == MODELRT_ABI);

  CHECK(modelrt_load_embedded(&model, NULL) == MODELRT_OK);
  check_model(model);
  CHECK(modelrt_load_file(argv[1], &model, NULL) == MODELRT_OK);
  check_model(model);
  bytes = read_whole(argv[1], &size);
  CHECK(modelrt_load_memory(bytes, size, &model, NULL) == MODELRT_OK);
  check_model(model);
  CHECK(modelrt_load_memory(bytes, size - 1, &model, NULL) == MODELRT_BAD_INPUT);
  free(bytes);
  CHECK(modelrt_load_file("/nowhere/at.all", &model, &error) == MODELRT_NOT_FOUND);
  CHECK(strstr(error, "cannot open '/nowhere/at.all'") != NULL);
  modelrt_string_free(error);
  modelrt_string_free(NULL);
  modelrt_model_free(NULL);
  modelrt_session_free(NULL);
  modelrt_result_free(NULL);
  puts("ok");
  return 0;
}
