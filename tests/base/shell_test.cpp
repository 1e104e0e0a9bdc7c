// Words of commands that are shown to a user.
#include "base/shell.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

TEST_CASE("a word that the shell would take apart is quoted") {
  CHECK(shell_word("models/mnist-8.onnx") == "models/mnist-8.onnx");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("my model") == "'my model'");
  CHECK(shell_word("it's $HOME") == "'it'\\''s $HOME'");
}
