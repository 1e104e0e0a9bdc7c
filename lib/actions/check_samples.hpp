// The samples that travel in a package: inputs with the outputs that were right for them where it was packed.
#pragma once

#include "base/host.hpp"
#include "package/package.hpp"
#include "runtime/model.hpp"

namespace modelctl::actions {

// Computes every sample that has expected outputs, and fails if the model returns something else here; returns how many
// there were: 0 for a package without samples, which is not a failure. This finds what digests cannot: a CPU for which
// other kernels are selected, or a runtime that computes something else than the one that packed.
//
// Fails as SampleChecker (samples.hpp) does, with bad_input, code bad-sample, for a list of another form, unsupported
// for another format of it, and interrupted. One run may take `memory_bytes`. The package must have been verified.
Result<std::size_t> check_samples(const package::Package& package, std::shared_ptr<const runtime::Model> model,
                                  std::uint64_t memory_bytes, Host& host);

}  // namespace modelctl::actions
