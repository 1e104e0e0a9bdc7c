// The samples of a package that is going to be signed: their files, and the list that says what they are to the model.
#pragma once

#include "actions/pack.hpp"
#include "runtime/model.hpp"

namespace modelctl::actions {

// Computes the samples of a request, and returns the entries of the package: samples/samples.json, which
// check_samples() reads, then the files that it names and those that their tables name. What is wrong with a sample
// fails here, and not where the package is served: fails as SampleChecker (samples.hpp) does, as read_labels() and
// QualityMeter::add() do for labels, with bad_input, code sample-elsewhere, for a table that names a file outside of
// its folder, private-key, and same-entry; and with interrupted.
Result<std::vector<package::Payload>> packed_samples(const PackRequest& request,
                                                     std::shared_ptr<const runtime::Model> model, Host& host);

}  // namespace modelctl::actions
