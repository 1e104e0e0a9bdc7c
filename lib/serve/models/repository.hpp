// The packages and artifacts that this process was started with, and those that came later: each can be unloaded, and
// loaded again from where it came, while the others serve.
#pragma once

#include "base/host.hpp"
#include "serve/service.hpp"

#include <functional>
#include <mutex>

namespace modelctl::serve {

// What a source holds; whoever opened it has verified it.
struct Loaded {
  std::shared_ptr<const runtime::Model> model;
  ModelInfo info;
};

// Opens and verifies it again at each call, so that a package that was replaced in the meantime is loaded as it is now.
using OpenModel = std::function<Result<Loaded>()>;

class Repository final : public ModelControl {
 public:
  Repository(Service& service, std::vector<OpenModel> sources, Reporter& reporter);

  // Loads all in their order; the first that fails ends it.
  Result<void> load_all();

  // A source that comes and goes while others serve, by a name of its own: the name of its file. put() loads it, or
  // what it is now; what fails is reported as failed under that name, and leaves what is served as it is. remove()
  // unloads it.
  void put(const std::string& name, OpenModel open);
  void remove(const std::string& name);
  // Those whose bytes somebody altered where they are; they are unloaded, and reported as failed. Fails if one is not
  // such a source.
  Result<void> check_integrity();

  // One at a time. A load opens every source of the model, and replaces what differs from what is served; what fails
  // leaves the versions that are ready as they are.
  Result<void> load(const std::string& model) override;
  Result<void> unload(const std::string& model) override;

 private:
  struct Source {
    OpenModel open;
    std::string model, version;  // once it was loaded
    std::string name = {};       // of one that comes and goes
  };
  Result<void> load(Source& source);
  void unload(Source& source);

  std::mutex mutex_;
  Service& service_;
  std::vector<Source> sources_;
  Reporter& reporter_;
};

}  // namespace modelctl::serve
