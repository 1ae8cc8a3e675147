import type { Entrance } from './config-text.ts';

/** Lua that the proxy's scripts share: `listed(values)`, the values of a header as HAProxy gives them, in their order. */
export const listedValues = String.raw`
-- HAProxy counts the values of a header from zero; their order counts.
local function listed(values)
  local list = {}
  for at = values[0] and 0 or 1, math.huge do
    if not values[at] then return list end
    list[#list + 1] = values[at]
  end
end
`;

/**
 * Lua: `copied(txn, marker)`, the headers of a request for another one, which the header `marker` tells apart. Beside
 * {@link listedValues}.
 */
export const copiedHeaders = String.raw`
-- Of one connection, or of how the body is sent (RFC 9110, 7.6.1).
local left = { host = true, connection = true, upgrade = true, te = true, trailer = true }
for _, name in ipairs({ "keep-alive", "proxy-connection", "transfer-encoding", "content-length", "expect" }) do
  left[name] = true
end

local function copied(txn, marker)
  local headers = { [marker] = { "1" } }
  for name, values in pairs(txn.http:req_get_headers()) do
    if not left[name] then headers[name] = listed(values) end
  end
  return headers
end
`;

/** Lua: `own`, this proxy's own addresses, by scheme. */
export function ownAddresses([entrance]: readonly Entrance[]): string {
  const at = (port: number): string => (entrance ? `"ipv4@${entrance.address}:${port}"` : 'nil');
  return `local own = { http = ${at(entrance?.clearPort ?? 0)}, https = ${at(entrance?.tlsPort ?? 0)} }\n`;
}
