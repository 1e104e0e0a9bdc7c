// A version is published only after it has made a prediction: the first caller must not be the one who finds that it
// cannot.
#include "serve/models/repository.hpp"

#include "runtime/inputs.hpp"
#include "runtime/placeholder.hpp"
#include "serve/guarded.hpp"
#include "serve/http/http.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

// One prediction over zeros, every symbolic size taken as 1: pages the weights in and finds a model that cannot run
// before a caller does. What the zeros themselves get wrong (an index out of range, say) is not a fault of the model.
Result<void> warm_up(LoadedModel& model, const artifact::Plan& plan) {
  std::vector<Tensor> zeros;
  for (const artifact::Port& port : plan.signature.inputs) {
    Dims dims;
    for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? 1 : dim.size);
    auto bytes = byte_size(port.type, dims);
    if (!bytes || *bytes > std::uint64_t{1} << 30) return {};
    zeros.push_back(runtime::placeholder(plan, zeros.size(), std::move(dims)));
  }
  auto outputs = guarded([&] { return model.predict(zeros); });
  if (outputs) return {};
  if (outputs.error().kind == Kind::bad_input) return {};
  return std::move(outputs).error().because("warming up with zeros");
}

}  // namespace

Repository::Repository(Service& service, std::vector<OpenModel> sources, Reporter& reporter)
    : service_(service), reporter_(reporter) {
  for (OpenModel& open : sources) sources_.push_back({std::move(open), ""});
}

Result<void> Repository::load(Source& source) {
  Loaded loaded = TRY(source.open());
  TRY(runtime::need_tensors(loaded.model->signature(), "serve the model"));
  TRY(loaded.model->check_integrity());
  auto model = service_.prepare(loaded.model, std::move(loaded.info));
  const ModelInfo& info = model->info();
  for (const Source& other : sources_) {
    if (&other == &source || other.model != info.name || other.version != info.version) continue;
    return Error(Kind::conflict, "same-version",
                 fmt::format("cannot serve version '{}' of '{}' twice", info.version, info.name))
        .help("give each model a name or version of its own");
  }
  TRY(warm_up(*model, loaded.model->plan()));
  TRY(service_.registry.publish(model));
  source.model = info.name;
  source.version = info.version;
  return {};
}

Result<void> Repository::load_all() {
  std::lock_guard lock(mutex_);
  for (Source& source : sources_) TRY(load(source));
  return {};
}

void Repository::unload(Source& source) {
  if (source.model.empty()) return;
  if (service_.registry.withdraw(source.model, source.version))
    reporter_.info(fmt::format("unloaded: '{}' version {}", source.model, source.version));
  source.model.clear();
}

void Repository::put(const std::string& name, OpenModel open) {
  std::lock_guard lock(mutex_);
  auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source& one) { return one.name == name; });
  if (found == sources_.end()) found = sources_.insert(sources_.end(), {nullptr, "", "", name});
  found->open = std::move(open);
  std::string model = found->model, version = found->version;
  service_.registry.begin_loading(name);
  auto done = guarded([&] { return load(*found); });
  if (!done) {
    service_.registry.fail_loading(name, client_message(done.error()));
    return reporter_.warn(done.error());
  }
  service_.registry.forget_loading(name);
  bool same = model == found->model && version == found->version;
  if (!same && !model.empty()) service_.registry.withdraw(model, version);
  reporter_.info(fmt::format("loaded: '{}' version {}", found->model, found->version));
}

void Repository::remove(const std::string& name) {
  std::lock_guard lock(mutex_);
  service_.registry.forget_loading(name);
  for (Source& source : sources_) {
    if (source.name == name) unload(source);
  }
  std::erase_if(sources_, [&](const Source& source) { return source.name == name; });
}

Result<void> Repository::check_integrity() {
  auto table = service_.routing_table();
  for (const auto& [model, routes] : *table) {
    for (const auto& [version, loaded] : routes.versions) {
      auto intact = loaded->check_integrity();
      if (intact) continue;
      std::lock_guard lock(mutex_);
      auto is_it = [&](const Source& one) { return one.model == model && one.version == version; };
      auto found = std::find_if(sources_.begin(), sources_.end(), is_it);
      if (found == sources_.end() || found->name.empty()) return intact;
      reporter_.warn(intact.error());
      unload(*found);
      service_.registry.fail_loading(found->name, client_message(intact.error()));
    }
  }
  return {};
}

Result<void> Repository::load(const std::string& model) {
  std::lock_guard lock(mutex_);
  bool known = false;
  for (Source& source : sources_) {
    if (source.model != model) continue;
    known = true;
    service_.registry.begin_loading(model);
    std::string before = source.version;
    auto done = load(source);
    if (!done) {
      service_.registry.fail_loading(model, done.error().what);
      reporter_.warn(done.error());
      return done;
    }
    if (before != source.version) service_.registry.withdraw(model, before);
    reporter_.info(fmt::format("loaded: '{}' version {}", source.model, source.version));
  }
  if (known) return {};
  return Error(Kind::not_found, "no-such-model", fmt::format("there is no model '{}' to load", model));
}

Result<void> Repository::unload(const std::string& model) {
  std::lock_guard lock(mutex_);
  if (service_.registry.withdraw(model)) {
    reporter_.info(fmt::format("unloaded: '{}'", model));
    return {};
  }
  return Error(Kind::not_found, "no-such-model", fmt::format("there is no model '{}' that is loaded", model));
}

}  // namespace modelctl::serve
