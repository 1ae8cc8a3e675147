import type { Entrance } from './config-text.ts';
import { copiedHeaders, listedValues, ownAddresses } from './script-text.ts';

/**
 * A Lua script for HAProxy: its action `lua.mirror` sends a copy of the request to the address in `txn.mirror_url`, and
 * waits for nothing: what comes back is dropped. Copies of copies are not made.
 */
export function mirrorScript(entrances: readonly Entrance[]): string {
  return ownAddresses(entrances) + listedValues + copiedHeaders + script;
}

const script = String.raw`
local marker = "x-timonel-mirrors"

local function copy_of(txn)
  local headers = copied(txn, marker)
  local host = txn:get_var("txn.mirror_host")
  if host then headers.host = { host } end
  local url = txn:get_var("txn.mirror_url")
  local request = { url = url, headers = headers, timeout = 60000 }
  request.dst = txn:get_var("txn.mirror_at") or own[url:match("^%a+")]
  return request
end

core.register_action("mirror", { "http-req" }, function(txn)
  if txn.f:req_hdr(marker) then return end
  local method = txn.f:method():lower()
  if not ({ get = true, head = true, post = true, put = true, delete = true })[method] then return end
  local request = copy_of(txn)
  if txn:get_var("txn.mirror_body") then
    -- Half a body would be another request, and only a length that is declared tells one from the whole.
    local length = tonumber(txn.f:req_hdr("content-length") or "")
    if not length and (method == "post" or method == "put" or txn.f:req_hdr("transfer-encoding")) then return end
    local body = length and length > 0 and txn.f:req_body() or ""
    if #body < (length or 0) then return end
    if body ~= "" then request.body = body end
  end
  core.register_task(function()
    local client = core.httpclient()
    client[method](client, request)
  end)
end)
`;
