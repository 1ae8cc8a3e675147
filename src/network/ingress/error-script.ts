import { listedValues } from './script-text.ts';

/**
 * A Lua script for HAProxy: its action `lua.error_page` puts what the service at `txn.error_at` says in the place of the
 * answer. It is asked for `/` with the headers that ingress-nginx documents ("Custom errors"); its status counts. A page
 * that does not fit into HAProxy's buffer leaves the answer as it was. A service that does not answer is HAProxy's 503.
 */
export const errorScript = `${listedValues}${String.raw`
-- Of one connection, or of a body that is sent in another way.
local left = {}
for _, name in ipairs({ "connection", "keep-alive", "transfer-encoding", "content-length", "trailer", "upgrade" }) do
  left[name] = true
end

local longest = 13000

local function headers_for(txn)
  local headers = { ["x-code"] = { tostring(txn.f:status()) } }
  for header, name in pairs({
    ["x-format"] = "accept", ["x-original-uri"] = "uri", ["x-namespace"] = "namespace", ["x-ingress-name"] = "ingress",
    ["x-service-name"] = "service", ["x-service-port"] = "port",
  }) do
    local value = txn:get_var("txn.error_" .. name)
    if value and value ~= "" then headers[header] = { value } end
  end
  headers["x-request-id"] = { txn:get_var("txn.id") }
  return headers
end

core.register_action("error_page", { "http-res" }, function(txn)
  local client = core.httpclient()
  local method = txn.f:method() == "HEAD" and "head" or "get"
  local response = client[method](client, {
    url = "http://" .. txn:get_var("txn.error_host") .. "/",
    dst = txn:get_var("txn.error_at"),
    headers = headers_for(txn),
    timeout = 60000,
  })
  if not response or not response.status or response.status == 0 then return end
  if #(response.body or "") > longest then return end
  local reply = txn:reply({ status = response.status, body = response.body })
  for name, values in pairs(response.headers or {}) do
    if not left[name] then
      for _, value in ipairs(listed(values)) do reply:add_header(name, value) end
    end
  end
  txn:done(reply)
end)
`}`;
