// JSON documents (nlohmann-json): parsed with limits, printed canonically. Include it in .cpp files only: it is heavy.
#pragma once

#include "base/result.hpp"

#include <nlohmann/json.hpp>

namespace modelctl {

using Json = nlohmann::json;  // objects keep their keys sorted, so that dump() is deterministic

// Parses one document. Refuses what is not UTF-8, nests deeper than 100, repeats a key, or has anything after it.
Result<Json> parse_json(std::string_view text, std::string_view where);

// Member access that fails with the place instead of throwing; `where` names the document.
Result<std::string> json_string(const Json& object, const char* key, std::string_view where);
Result<std::uint64_t> json_unsigned(const Json& object, const char* key, std::string_view where);
Result<const Json*> json_array(const Json& object, const char* key, std::string_view where);
Result<const Json*> json_object(const Json& object, const char* key, std::string_view where);

// Compact, keys sorted, no white space, one form for each document: what is signed and digested.
std::string canonical_json(const Json& value);

}  // namespace modelctl
