-- For wrk: posts the file BODY with the headers HEADERS ("Name: value" lines), waits THINK milliseconds on average before
-- each request, if set, and prints what came of it as one line of JSON.
wrk.method = "POST"
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.body = file:read("*a")
file:close()
for name, value in (os.getenv("HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do wrk.headers[name] = value end

local think = tonumber(os.getenv("THINK") or "0")
if think > 0 then
  -- Exponential times, so that requests come as from independent clients.
  function delay() return math.floor(-think * math.log(1 - math.random())) end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"per_second": %.1f, "p50_us": %d, "p99_us": %d, "requests": %d, "failed": %d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99), summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
