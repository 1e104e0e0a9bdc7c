// Which file, which key in it, and which helper: the rules of docker and podman, with the spellings that people use.
//
// A file looks like this; all tables are optional:
//
//     {"auths": {"registry.example": {"auth": "base64 of user:password"},
//                "other.example":    {"identitytoken": "…"}},
//      "credHelpers": {"registry.example": "pass"},    one helper for one registry: docker-credential-pass
//      "credsStore": "secretservice"}                  one helper for all others
//
// A helper is a program with the verbs get, store, erase and list. It reads a registry (for store, a JSON document)
// from its standard input and prints JSON. Its exit code does not show whether it failed or has nothing: only its words
// do.
#include "transport/credentials.hpp"

#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/links.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <array>
#include <set>

namespace modelctl::transport {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t file_limit = 4 << 20;
constexpr std::chrono::seconds helper_time_limit{60};  // a helper may ask a person to unlock its store
constexpr std::string_view no_such_credentials = "credentials not found";  // what helpers print, per their protocol

std::optional<fs::path> folder_of(const Environment& environment, const char* variable, const char* below = "") {
  auto value = environment.get(variable);
  if (!value || value->empty()) return std::nullopt;
  return fs::path(*value) / below;
}

std::optional<fs::path> docker_file(const Environment& environment) {
  if (auto folder = folder_of(environment, "DOCKER_CONFIG")) return *folder / "config.json";
  return folder_of(environment, "HOME", ".docker/config.json");
}

std::vector<fs::path> files(const Environment& environment) {
  std::vector<fs::path> all;
  auto add = [&](std::optional<fs::path> path) {
    if (path) all.push_back(std::move(*path));
  };
  if (auto file = environment.get("REGISTRY_AUTH_FILE"); file && !file->empty()) all.emplace_back(*file);
  add(folder_of(environment, "XDG_RUNTIME_DIR", "containers/auth.json"));
  if (auto config = folder_of(environment, "XDG_CONFIG_HOME")) add(*config / "containers/auth.json");
  else add(folder_of(environment, "HOME", ".config/containers/auth.json"));
  add(docker_file(environment));
  return all;
}

// The file as JSON; an empty object if there is none. Anything but a regular file is refused: a FIFO would make every
// command wait until somebody writes to it.
Result<Json> read_config(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return Json::object();
  TRY(size_of(TRY(open_file(path, O_NONBLOCK)), path, true));
  std::string text = TRY(read_text_file(path, file_limit));
  auto json = parse_json(text, path.string());
  if (!json || !json->is_object()) {  // the parser's own words would quote the content
    Error error(Kind::bad_config, "bad-credentials-file",
                fmt::format("cannot read the credentials in '{}'", path.string()));
    return std::move(error).at(path.string()).because("it is not a JSON object");
  }
  return std::move(*json);
}

const Json* member(const Json& object, std::string_view key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// The registry, or registry/team/name, that a key of these files means. People and programs write "h", "https://h",
// "http://h", "https://h/v1/" and "https://h/v2/" for the same one, and Docker Hub has three names.
std::string normalized(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  auto drop_slashes = [&] {
    while (key.ends_with('/')) key.remove_suffix(1);
  };
  drop_slashes();
  if (key.ends_with("/v1") || key.ends_with("/v2")) key.remove_suffix(3);
  drop_slashes();
  std::string host(key.substr(0, key.find('/')));
  std::string path(key.substr(host.size()));
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = "docker.io";
  return host + path;
}

bool is_docker_hub(std::string_view registry) { return normalized(registry) == "docker.io"; }

// The normalized keys to look for, most specific first.
std::vector<std::string> keys_for(const std::string& registry, std::string repository) {
  std::vector<std::string> keys;
  while (!repository.empty()) {
    keys.push_back(normalized(registry + "/" + repository));
    std::size_t slash = repository.rfind('/');
    repository.erase(slash == std::string::npos ? 0 : slash);
  }
  keys.push_back(normalized(registry));
  return keys;
}

// The entry of a table whose key means `wanted`: one that is spelled so before others. Null if there is none.
const Json* entry_for(const Json& table, const std::string& wanted) {
  if (const Json* exact = member(table, wanted)) return exact;
  if (!table.is_object()) return nullptr;
  for (auto entry = table.begin(); entry != table.end(); ++entry) {
    if (normalized(entry.key()) == wanted) return &*entry;
  }
  return nullptr;
}

// The helper program that a file names for a registry: "pass" for docker-credential-pass. Empty: none.
std::string helper_for(const Json& config, const std::string& registry) {
  if (const Json* helpers = member(config, "credHelpers")) {
    if (std::string name = text_of(entry_for(*helpers, normalized(registry))); !name.empty()) return name;
  }
  return text_of(member(config, "credsStore"));
}

std::string key_for_helper(const std::string& registry) {
  return is_docker_hub(registry) ? "https://index.docker.io/v1/" : registry;
}

// Starts a helper directly, without a shell, so that a name from a file cannot become a command.
Result<ProcessResult> run_helper(const std::string& name, const char* verb, const std::string& input,
                                 Processes& processes) {
  bool plain = !name.empty() && name.find('/') == name.npos;  // it becomes part of a program's name
  if (!plain) {
    return Error(Kind::bad_config, "bad-credential-helper", fmt::format("cannot run the credential helper '{}'", name))
        .because("its name holds a '/'");
  }
  std::array<std::string, 2> command{"docker-credential-" + name, verb};
  // The helper gets no MODELCTL_ variable, which is the default: it has no use for our passphrase.
  return processes.run(command, {.input = input, .time_limit = helper_time_limit});
}

// What a helper that failed said; its output may hold a secret only if it succeeded.
std::string words_of(const ProcessResult& result) {
  std::string_view text = result.err.empty() ? result.out : result.err;
  return std::string(text.substr(0, std::min<std::size_t>(text.find('\n'), 300)));
}

struct HelperEntry {
  Credentials credentials;
  std::string key;  // under which the helper keeps them
};

Error helper_failed(const std::string& registry, const std::string& program, std::string reason) {
  return Error(Kind::bad_config, "credential-helper-failed",
               fmt::format("cannot get the credentials of '{}' from {}", registry, program))
      .because(std::move(reason));
}

// What the helper keeps under exactly this key.
Result<std::optional<HelperEntry>> get_from_helper(const std::string& name, const std::string& key,
                                                   const std::string& registry, Processes& processes) {
  std::string program = "docker-credential-" + name;
  ProcessResult result = TRY_BECAUSE(run_helper(name, "get", key, processes),
                                     fmt::format("asking {} for the credentials of '{}'", program, registry));
  if (result.exit_code != 0) {
    if (result.out.find(no_such_credentials) != std::string::npos) return std::optional<HelperEntry>();
    return helper_failed(registry, program, words_of(result));
  }
  auto json = parse_json(result.out, program);
  HelperEntry entry{.key = key};
  Credentials& found = entry.credentials;
  found.username = json ? text_of(member(*json, "Username")) : "";
  found.password = json ? text_of(member(*json, "Secret")) : "";
  found.source = program;
  if (!json || found.password.empty()) {
    return helper_failed(registry, program, "its output is not what a credential helper prints");
  }
  if (found.username == "<token>") found.identity_token = std::exchange(found.password, "");
  return std::optional(std::move(entry));
}

// Asks under the usual key, then, if there is nothing, under the key of the helper's list that means the registry.
Result<std::optional<HelperEntry>> ask_helper(const std::string& name, const std::string& registry,
                                              Processes& processes) {
  std::string usual = key_for_helper(registry);
  auto found = TRY(get_from_helper(name, usual, registry, processes));
  if (found) return found;
  auto listed = run_helper(name, "list", "", processes);
  auto keys = listed && listed->exit_code == 0 ? parse_json(listed->out, "") : Result<Json>(Json::object());
  if (!keys || !keys->is_object()) return std::optional<HelperEntry>();  // not every helper has a list
  for (const auto& entry : keys->items()) {
    if (entry.key() == usual || normalized(entry.key()) != normalized(registry)) continue;
    return get_from_helper(name, entry.key(), registry, processes);
  }
  return std::optional<HelperEntry>();
}

// What the file itself holds. `auth` may stand beside `identitytoken`, which then counts; an entry without any secret
// (docker writes those when a helper has it) is skipped, so that a less specific key is still found.
Result<std::optional<Credentials>> in_auths(const Json& config, const fs::path& path, const std::string& registry,
                                            const std::string& repository) {
  const Json* auths = member(config, "auths");
  if (auths == nullptr) return std::optional<Credentials>();
  for (const std::string& key : keys_for(registry, repository)) {
    const Json* entry = entry_for(*auths, key);
    if (entry == nullptr) continue;
    Credentials found;
    found.source = path.string();
    found.identity_token = text_of(member(*entry, "identitytoken"));
    found.username = text_of(member(*entry, "username"));
    found.password = text_of(member(*entry, "password"));
    if (std::string packed = text_of(member(*entry, "auth")); !packed.empty()) {
      std::erase_if(packed, [](char c) { return std::string_view(" \t\r\n").find(c) != std::string_view::npos; });
      auto bytes = from_base64(packed);
      std::string pair = bytes ? std::string(as_text(*bytes)) : "";
      std::size_t colon = pair.find(':');
      if (colon == pair.npos) {
        return Error(Kind::bad_config, "bad-credentials-file",
                     fmt::format("cannot read the credentials of '{}' in '{}'", key, path.string()))
            .at(path.string())
            .because("'auth' is not base64 of user:password")
            .help(fmt::format("log in again: modelctl login {} --username NAME", registry));
      }
      found.username = pair.substr(0, colon);
      found.password = pair.substr(colon + 1);
      while (!found.password.empty() && found.password.back() == '\0') found.password.pop_back();  // docker pads so
    }
    if (!found.identity_token.empty() || !found.password.empty()) return std::optional(std::move(found));
  }
  return std::optional<Credentials>();
}

// Writes the file over itself, following a link: people keep it among their dot files.
Result<void> write_config(const fs::path& path, const Json& config) {
  fs::path target = TRY(follow_links(path));
  if (target.has_parent_path()) TRY(make_folder(target.parent_path(), 0700));
  return write_file(target, as_bytes(config.dump(2) + "\n"), 0600);
}

}  // namespace

// The first file that has an entry decides, as for podman. The others are not tried after a refusal: a wrong password
// is an error that names its source, and not a silent change to another user.
Result<std::optional<Credentials>> find_credentials(const std::string& registry, const std::string& repository,
                                                    const Environment& environment, Processes& processes) {
  for (const fs::path& path : files(environment)) {
    Json config = TRY(read_config(path));
    if (std::string helper = helper_for(config, registry); !helper.empty()) {
      if (auto held = TRY(ask_helper(helper, registry, processes))) return std::optional(std::move(held->credentials));
    }
    if (auto found = TRY(in_auths(config, path, registry, repository))) return found;
  }
  return std::optional<Credentials>();
}

Result<std::string> store_credentials(const std::string& registry, const Credentials& credentials,
                                      const Environment& environment, Processes& processes) {
  std::optional<fs::path> path = docker_file(environment);
  if (auto file = environment.get("REGISTRY_AUTH_FILE"); file && !file->empty()) path = *file;
  if (!path) {
    return Error(Kind::bad_config, "no-home", "cannot tell where to keep the credentials")
        .because("neither HOME nor DOCKER_CONFIG is set");
  }
  Json config = TRY(read_config(*path));
  if (std::string helper = helper_for(config, registry); !helper.empty()) {
    std::string program = "docker-credential-" + helper;
    Json entry = {
        {"ServerURL", key_for_helper(registry)}, {"Username", credentials.username}, {"Secret", credentials.password}};
    std::string input;
    try {
      input = entry.dump();
    } catch (const Json::exception&) {  // it throws for what is not UTF-8
      return Error(Kind::usage, "bad-password", fmt::format("cannot keep the credentials of '{}'", registry))
          .because(fmt::format("{} takes UTF-8, and the user name or the password is not", program));
    }
    ProcessResult result = TRY_BECAUSE(run_helper(helper, "store", input, processes),
                                       fmt::format("giving the credentials of '{}' to {}", registry, program));
    if (result.exit_code == 0) return program;
    return Error(Kind::bad_config, "credential-helper-failed",
                 fmt::format("cannot keep the credentials of '{}' with {}", registry, program))
        .because(words_of(result));
  }
  if (!config["auths"].is_object()) config["auths"] = Json::object();
  std::string key = is_docker_hub(registry) ? "https://index.docker.io/v1/" : registry;
  // base64 and not encryption, which is why the file has mode 0600 and a helper goes first. All other members of the
  // file, which belong to docker and podman, are written back as they were.
  config["auths"][key] = {{"auth", to_base64(as_bytes(credentials.username + ":" + credentials.password))}};
  TRY(write_config(*path, config));
  return path->string();
}

Result<std::vector<std::string>> erase_credentials(const std::string& registry, const Environment& environment,
                                                   Processes& processes) {
  std::vector<std::string> places;
  for (const fs::path& path : files(environment)) {
    Json config = TRY(read_config(path));
    if (std::string helper = helper_for(config, registry); !helper.empty()) {
      if (auto held = TRY(ask_helper(helper, registry, processes))) {
        ProcessResult result = TRY(run_helper(helper, "erase", held->key, processes));
        if (result.exit_code != 0) {
          return Error(Kind::bad_config, "credential-helper-failed",
                       fmt::format("cannot erase the credentials of '{}' with "
                                   "docker-credential-{}",
                                   registry, helper))
              .because(words_of(result));
        }
        places.push_back("docker-credential-" + helper);
      }
    }
    if (member(config, "auths") == nullptr) continue;
    Json& auths = config["auths"];
    std::vector<std::string> spelled;
    for (const auto& entry : auths.items()) {
      if (normalized(entry.key()) == normalized(registry)) spelled.push_back(entry.key());
    }
    if (spelled.empty()) continue;
    for (const std::string& key : spelled) auths.erase(key);
    TRY(write_config(path, config));
    places.push_back(path.string());
  }
  return places;
}

std::vector<Error> faults_of_credentials(const Environment& environment) {
  std::vector<Error> faults;
  for (const fs::path& path : files(environment)) {
    if (auto config = read_config(path); !config) faults.push_back(std::move(config).error());
  }
  return faults;
}

std::vector<std::string> known_registries(const Environment& environment) {
  std::set<std::string> known;
  for (const fs::path& path : files(environment)) {
    auto config = read_config(path);
    if (!config) continue;
    for (const char* table : {"auths", "credHelpers"}) {
      const Json* entries = member(*config, table);
      if (entries == nullptr || !entries->is_object()) continue;
      for (const auto& entry : entries->items()) known.insert(entry.key());
    }
  }
  return {known.begin(), known.end()};
}

}  // namespace modelctl::transport
