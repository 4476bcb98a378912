-- Insert mode keys: each does its work, or else what it did before the plugin came.
-- It does not know what the actions do; each says whether it had something to do.

local M = {}

local function feed(keys, is_remapped)
  vim.api.nvim_feedkeys(keys, is_remapped and "im" or "in", false)
end

local function termcodes(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

--- Does what a mapping would do, from within another mapping.
---@param mapping table of maparg()
local function run_mapping(mapping)
  local is_remapped = mapping.noremap == 0
  if mapping.callback then
    local keys = mapping.callback()
    if mapping.expr == 1 and type(keys) == "string" then
      feed(mapping.replace_keycodes == 1 and termcodes(keys) or keys, is_remapped)
    end
    return
  end
  local rhs = mapping.rhs:gsub("<[Ss][Ii][Dd]>", ("<SNR>%d_"):format(mapping.sid))
  if mapping.expr == 1 then
    local keys = vim.api.nvim_eval(rhs)
    feed(mapping.replace_keycodes == 1 and termcodes(keys) or keys, is_remapped)
  else
    feed(termcodes(rhs), is_remapped)
  end
end

--- The mapping that a key has without the plugin's own: the buffer's at the time of attaching, else the global one.
---@param key string
---@param saved table? the buffer's own mapping
---@return table?
local function earlier_mapping(key, saved)
  if saved then
    return saved
  end
  local wanted = termcodes(key)
  for _, mapping in ipairs(vim.api.nvim_get_keymap("i")) do
    if mapping.lhsraw == wanted or mapping.lhsrawalt == wanted then
      return mapping
    end
  end
  return nil
end

---@param buf integer
---@param key string
---@param action fun(): boolean whether there was something to do
---@param desc string
local function map(buf, key, action, desc)
  local found = vim.fn.maparg(key, "i", false, true)
  local saved = found.buffer == 1 and found or nil
  if saved and vim.startswith(saved.desc or "", "plt: ") then
    return -- the server was restarted; the key is mapped already
  end
  vim.keymap.set("i", key, function()
    if action() then
      return
    end
    local mapping = earlier_mapping(key, saved)
    if mapping then
      run_mapping(mapping)
    else
      feed(termcodes(key), false)
    end
  end, { buffer = buf, desc = "plt: " .. desc })
end

---@class plt.Action
---@field name string the option below `keys`
---@field desc string
---@field run fun(): boolean

--- Maps the keys in a buffer.
---@param buf integer
---@param keys plt.Keys|false
---@param actions plt.Action[]
function M.attach(buf, keys, actions)
  if not keys then
    return
  end
  vim.api.nvim_buf_call(buf, function()
    for _, action in ipairs(actions) do
      if keys[action.name] then
        map(buf, keys[action.name], action.run, action.desc)
      end
    end
  end)
end

return M
