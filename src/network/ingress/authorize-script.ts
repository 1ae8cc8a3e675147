import type { Entrance } from './config-text.ts';
import { copiedHeaders, listedValues, ownAddresses } from './script-text.ts';

/**
 * A Lua script for HAProxy: its action `lua.ask` asks the address in `txn.ask_url` whether the request may pass, with the
 * headers of the request and without its body, and leaves the status of the answer in `txn.ask` and those of its headers that
 * `txn.ask_headers` names in `txn.ask_<name>`; `lua.ask_cookies` gives the
 * cookies of that answer to the client. What goes wrong leaves `txn.ask` as it was.
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

core.register_action("ask", { "http-req" }, function(txn)
  -- Asked about a request that is itself such a question, this would never end.
  if txn.f:req_hdr(marker) then return end
  local url = txn:get_var("txn.ask_url")
  local method = txn:get_var("txn.ask_method")
  local client = core.httpclient()
  local response = client[method](client, {
    url = url,
    dst = txn:get_var("txn.ask_at") or own[url:match("^%a+")],
    headers = asked(txn),
    timeout = 60000,
  })
  if not response or not response.status then return end
  local told = response.headers or {}
  for name in txn:get_var("txn.ask_headers"):gmatch("[^,]+") do
    local first = told[name] and listed(told[name])[1]
    if first then txn:set_var("txn.ask_" .. name:gsub("-", "_"), first) end
  end
  if told["set-cookie"] then txn:set_priv(listed(told["set-cookie"])) end
  -- Last: nothing passes before all is known.
  txn:set_var("txn.ask", response.status)
end)

core.register_action("ask_cookies", { "http-res" }, function(txn)
  for _, value in ipairs(txn:get_priv() or {}) do txn.http:res_add_header("set-cookie", value) end
end)
`;
