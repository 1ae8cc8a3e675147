import type { ScriptedHash, UserList } from './model.ts';

/**
 * A Lua script for HAProxy: its fetch `lua.htpasswd(LIST)` is true when the request has the name and the password of a
 * user of the list. For hashes that crypt(3) does not know: htpasswd's MD5 (apr1) and SHA-1. What was right once is
 * remembered by its SHA-256, since a thousand rounds for each request would be slow.
 */
export function passwordScript(userLists: ReadonlyMap<string, UserList>): string {
  const lists = [...userLists].filter(([, { scripted }]) => scripted.length > 0);
  const tables = lists.map(([name, { scripted }]) => {
    const entries = scripted.map(([user, hash]) => `  [${luaText(user)}] = ${luaHash(hash)},`);
    return `lists[${luaText(name)}] = {\n${entries.join('\n')}\n}`;
  });
  return ['local lists = {}', ...tables, script].join('\n');
}

/** Every byte by its number, so that no text can end it. */
function luaText(text: string): string {
  return `"${[...Buffer.from(text, 'utf8')].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}

function luaHash({ kind, salt, digest }: ScriptedHash): string {
  return `{ kind = ${luaText(kind)}, salt = ${luaText(salt)}, digest = ${luaText(digest)} }`;
}

const script = String.raw`
local alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function to64(value, length)
  local text = ""
  for _ = 1, length do
    text = text .. alphabet:sub((value & 63) + 1, (value & 63) + 1)
    value = value >> 6
  end
  return text
end

-- Apache's variant of the MD5-based crypt, as its documentation of password formats has it.
local function apr1(md5, password, salt)
  local inner = md5(password .. salt .. password)
  local text = password .. "$apr1$" .. salt
  for left = #password, 1, -16 do text = text .. inner:sub(1, math.min(16, left)) end
  local bits = #password
  while bits > 0 do
    text = text .. ((bits & 1) == 1 and "\0" or password:sub(1, 1))
    bits = bits >> 1
  end
  local digest = md5(text)
  for round = 0, 999 do
    local isOdd = (round & 1) == 1
    local step = isOdd and password or digest
    if round % 3 ~= 0 then step = step .. salt end
    if round % 7 ~= 0 then step = step .. password end
    digest = md5(step .. (isOdd and digest or password))
  end
  local result = ""
  for _, at in ipairs({ { 1, 7, 13 }, { 2, 8, 14 }, { 3, 9, 15 }, { 4, 10, 16 }, { 5, 11, 6 } }) do
    result = result .. to64((digest:byte(at[1]) << 16) | (digest:byte(at[2]) << 8) | digest:byte(at[3]), 4)
  end
  return result .. to64(digest:byte(12), 2)
end

local function hex(text)
  return (text:gsub(".", function(character) return ("%02x"):format(character:byte()) end))
end

local function bytes(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- By list and user: the SHA-256 of the password that was right last.
local right = {}

local function matches(converters, password, hash)
  if hash.kind == "apr1" then
    local md5 = function(text) return converters:digest(text, "md5") end
    return apr1(md5, password, hash.salt) == hash.digest
  end
  return hex(converters:digest(password .. bytes(hash.salt), "sha1")) == hash.digest
end

core.register_fetches("htpasswd", function(txn, list)
  local user = txn.f:http_auth_user()
  local password = txn.f:http_auth_pass()
  local hash = user and lists[list] and lists[list][user]
  if not hash or not password or #password > 512 then return false end
  local key = list .. "\n" .. user
  local digest = txn.c:digest(password, "sha256")
  if right[key] == digest then return true end
  if not matches(txn.c, password, hash) then return false end
  right[key] = digest
  return true
end)
`;
