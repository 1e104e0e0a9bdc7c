-- For wrk: posts the file BODY until SIGINT. Each answer must come from exactly one version: its number is what the model
-- returns and what the response calls its version. One of 16 requests closes its connection. Prints how many were answered
-- to stderr after every 500, and what came of it as one line of JSON.
local file = assert(io.open(os.getenv("BODY"), "rb"))
local body = file:read("*a")
file:close()
local sent = 0
local keeping, closing
answered, wrong, versions = 0, 0, {}

local thread_of_setup
function setup(thread) thread_of_setup = thread end

function init()
  local headers = { ["Content-Type"] = "application/json" }
  keeping = wrk.format("POST", nil, headers, body)
  headers["Connection"] = "close"
  closing = wrk.format("POST", nil, headers, body)
end

function request()
  sent = sent + 1
  return sent % 16 == 0 and closing or keeping
end

function response(status, headers, text)
  answered = answered + 1
  local version, value = text:match('"model_version":"(%d+)"'), text:match('"data":%[(%d+)')
  if status ~= 200 or version == nil or version ~= value then
    wrong = wrong + 1
    if wrong <= 5 then io.stderr:write("wrong: ", status, " ", text, "\n") end
  else
    versions[version] = true
  end
  if answered % 500 == 0 then io.stderr:write(answered, "\n") end
end

function done(summary, latency)
  local seen = 0
  for _ in pairs(thread_of_setup:get("versions")) do seen = seen + 1 end
  local errors = summary.errors
  io.write(string.format(
    '{"per_second": %.1f, "p50_us": %d, "p99_us": %d, "requests": %d, "wrong": %d, "versions": %d, "refused": %d, "failed": %d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    thread_of_setup:get("answered"), thread_of_setup:get("wrong"), seen, errors.connect,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
