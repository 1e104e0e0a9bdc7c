// Prints how well a model predicts labels: tables for people, all numbers as JSON.
#pragma once

#include "actions/quality.hpp"
#include "base/json.hpp"
#include "cli/present/printer.hpp"

namespace modelctl::cli {

// The task and its metrics; of a classification also the scores of the classes and the confusion matrix. Of more than
// 20 classes only the 20 with the lowest F1 are printed, without the matrix.
void print_quality(const actions::Quality& quality, Printer& printer);

// Adds the members "task", "samples" and "metrics" to the object, and of a classification also "accuracy", "right",
// "classes" and "confusion", which has the pairs of classes that occur.
void add_quality(const actions::Quality& quality, Json& object);

}  // namespace modelctl::cli
