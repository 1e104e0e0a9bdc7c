// Running several requests of one version as one batch, only where that changes no bit of any answer.
//
// Nothing in a signature says that the rows of a batch do not depend on each other: a model may normalize over the
// batch, quantize it with one scale, or take its kernel by the number of rows and round in another order. So it is
// tried: before the first batch of some number of rows of some shape runs, rows that differ are run together and one by
// one, and every bit is compared. A version of which one bit differs is not batched any more.
#pragma once

#include "serve/models/loaded_model.hpp"

#include <span>

namespace modelctl::serve {

// Whether requests can be told apart again in the outputs: every input and output is a plain tensor whose first
// dimension is the same symbol, and no shape or branch depends on data.
bool has_batch_dimension(const runtime::Model& model);

// The rows of a request, which all of its inputs must have; nothing if they do not.
std::optional<std::int64_t> rows_of(std::span<const Tensor> inputs);
// Whether two requests differ in their number of rows at most.
bool same_row_shape(std::span<const Tensor> a, std::span<const Tensor> b);

// Batches have a power of two of rows, or the largest number: so few shapes are soon bound and compared.
bool is_batch_size(std::int64_t rows, std::int64_t most);

using Inputs = std::vector<Tensor>;

// The inputs of all requests, one below the other; they have the same row shape.
Inputs stack(std::span<const Inputs* const> requests);
// The outputs of rows [first, first + rows) of a batch, in the batch's memory. Nothing if the outputs do not have
// `total` rows.
std::optional<std::vector<Tensor>> slice_rows(const std::vector<Tensor>& outputs, std::int64_t first, std::int64_t rows,
                                              std::int64_t total);

// Runs `rows` rows that differ, of the shape of `sample`, together and one by one; true if every bit agrees; nothing if
// the process that runs the model ended meanwhile. Numbers that are not floats are taken from the sample, since others
// may have no meaning for the model (indices, say).
std::optional<bool> batches_exactly(LoadedModel& model, std::span<const Tensor> sample, std::int64_t rows);

}  // namespace modelctl::serve
