import type { Entrance } from './config-text.ts';
import { copiedHeaders, listedValues, ownAddresses } from './script-text.ts';

/**
 * A Lua script for HAProxy: its action `lua.ask` asks the address in `txn.ask_url` whether the request may pass, with the
 * headers of the request and without its body, and leaves the status of the answer in `txn.ask` and those of its headers that
 * `txn.ask_headers` names in `txn.ask_<name>`; `lua.ask_cookies` gives the
 * cookies of that answer to the client. What goes wrong leaves `txn.ask` as it was.
 *
 * With `txn.ask_times` (`,200=300,401=60`) answers are kept, for the requests of a host to a backend with the same
 * `txn.ask_key`, as nginx keeps answers (its documentation, `proxy_cache_valid`): what they say of that themselves comes first,
 * and those with cookies are for one request. Each thread of the proxy keeps its own.
 */
export function authorizeScript(entrances: readonly Entrance[]): string {
  return ownAddresses(entrances) + listedValues + copiedHeaders + script;
}

const script = String.raw`
local marker = "x-timonel-asks"

local function asked(txn)
  local headers = copied(txn, marker)
  headers["x-original-url"] = { txn:get_var("txn.ask_original") }
  headers["x-original-method"] = { txn.f:method() }
  headers["x-auth-request-redirect"] = { txn:get_var("txn.ask_redirect") }
  return headers
end

-- Answers by the key of their question. Beyond so many all are forgotten.
local kept, count, most = {}, 0, 10000

local function lifetime(response, told, times)
  if told["set-cookie"] or told["vary"] or told["expires"] then return 0 end
  local control = table.concat(listed(told["cache-control"] or {}), ","):lower()
  for _, word in ipairs({ "no%-store", "no%-cache", "private" }) do
    if control:find(word) then return 0 end
  end
  local says = control:match("s%-maxage=(%d+)") or control:match("max%-age=(%d+)")
  return tonumber(says or times:match("," .. response.status .. "=(%d+)") or times:match(",any=(%d+)") or 0)
end

local function question(txn)
  local url = txn:get_var("txn.ask_url")
  local method = txn:get_var("txn.ask_method")
  local client = core.httpclient()
  return client[method](client, {
    url = url,
    dst = txn:get_var("txn.ask_at") or own[url:match("^%a+")],
    headers = asked(txn),
    timeout = 60000,
  })
end

local function answered(txn)
  local times = txn:get_var("txn.ask_times")
  local now = core.now().sec
  local key = times and table.concat({ txn.f:be_name(), txn.f:req_hdr("host"), txn:get_var("txn.ask_key") or "" }, "\0")
  local found = key and kept[key]
  if found and found.till > now then return found end
  local response = question(txn)
  if not response or not response.status then return end
  local answer = { status = response.status, told = response.headers or {} }
  local seconds = key and lifetime(response, answer.told, times) or 0
  if seconds > 0 then
    if count >= most then kept, count = {}, 0 end
    if not kept[key] then count = count + 1 end
    answer.till = now + seconds
    kept[key] = answer
  end
  return answer
end

core.register_action("ask", { "http-req" }, function(txn)
  -- Asked about a request that is itself such a question, this would never end.
  if txn.f:req_hdr(marker) then return end
  local answer = answered(txn)
  if not answer then return end
  local told = answer.told
  for name in txn:get_var("txn.ask_headers"):gmatch("[^,]+") do
    local first = told[name] and listed(told[name])[1]
    if first then txn:set_var("txn.ask_" .. name:gsub("-", "_"), first) end
  end
  if told["set-cookie"] then txn:set_priv(listed(told["set-cookie"])) end
  -- Last: nothing passes before all is known.
  txn:set_var("txn.ask", answer.status)
end)

core.register_action("ask_cookies", { "http-res" }, function(txn)
  for _, value in ipairs(txn:get_priv() or {}) do txn.http:res_add_header("set-cookie", value) end
end)
`;
