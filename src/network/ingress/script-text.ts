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

/** Lua: `own`, this proxy's own addresses, by scheme. */
export function ownAddresses([entrance]: readonly Entrance[]): string {
  const at = (port: number): string => (entrance ? `"ipv4@${entrance.address}:${port}"` : 'nil');
  return `local own = { http = ${at(entrance?.clearPort ?? 0)}, https = ${at(entrance?.tlsPort ?? 0)} }\n`;
}
