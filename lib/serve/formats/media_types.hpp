// Bodies that are files: CSV, NumPy arrays, images and sound, by the formats of lib/tensor/formats. JSON has a form of
// its own in each protocol and is left to the dialects.
#pragma once

#include "serve/http/http.hpp"
#include "serve/openapi.hpp"
#include "tensor/formats.hpp"

namespace modelctl::serve {

struct RequestContext;

// The inputs of a body that is a file, in the signature's order; nothing if it is JSON. The format is that of the
// Content-Type, else the one that the first bytes show.
//
// A table has a header with the names of the inputs that take one value per row; without one, its columns are those of
// the only input. Where the model takes image files, an image is passed on as it is. A form (multipart/form-data) has a
// file for each input; several images for one input are its batch.
//
// What compressed files become has the limits of a body: --max-body each, and the memory for the bodies of all
// connections. Between two files the context may end it.
Result<std::optional<std::vector<Tensor>>> read_files(const RequestContext& context, const LoadedModel& model);

// The format that 'Accept' asks for, of those that can hold the model's outputs; null for JSON, which nobody needs to
// ask for. An Accept that leaves none of them is an error.
Result<const formats::Format*> accepted_format(std::string_view accept, const LoadedModel& model);

// The formats that bodies of requests or responses of this model may have, in addition to JSON.
enum class Direction { read, write };
std::vector<MediaSchema> described_files(const LoadedModel& model, Direction direction);

// The response in a format.
Result<ServerResponse> write_body(const formats::Format& format, const LoadedModel& model,
                                  std::span<const Tensor> outputs);

// How much a header's list of alternatives, such as 'Accept' or 'Accept-Encoding', wants a value: from 0, not at all,
// to 1 (RFC 9110, section 12.4). Nothing if the list does not mention it. "text/*" mentions "text/csv".
std::optional<double> quality_of(std::string_view list, std::string_view value);

}  // namespace modelctl::serve
