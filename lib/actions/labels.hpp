// Labels: what is right for each row of a model's output, and the names of classes, which are read in the same forms.
#pragma once

#include "base/result.hpp"
#include "tensor/formats.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace modelctl::actions {

// Of all rows of one sample: texts or numbers.
struct Labels {
  std::vector<std::string> texts;
  std::vector<double> numbers;  // row-major
  std::size_t rows = 0;
  std::size_t columns = 1;         // numbers of each row
  std::string where;               // the file, for messages
  std::vector<std::string> names;  // of the columns, for messages; empty if they have none

  bool is_text() const { return !texts.empty(); }
};

// The texts or numbers of a tensor: one of each row, or [rows, columns] of numbers. Fails with bad_input, code
// no-labels or wrong-shape, and as numbers() of compare.hpp.
Result<Labels> labels_of(const Tensor& tensor, const std::string& where);

// Reads one tensor from a file of a format of tensor/formats.hpp, from standard input or from a literal. A file of any
// other name has one label per line, in UTF-8; they are numbers if each of them is one. With
// `column`, they are that column of a table, or key of records; fails with not_found, code no-such-column, if there is
// none.
Result<Labels> read_labels(const std::filesystem::path& file, const formats::ReadOptions& options = {},
                           const std::string& column = {});

// Names of classes, by index. Fails with bad_input, code repeated-class, if a name stands twice.
Result<std::vector<std::string>> read_classes(const std::filesystem::path& file);

// A number as the name of a class: "3", "-1", "0.5".
std::string class_name(double number);

}  // namespace modelctl::actions
