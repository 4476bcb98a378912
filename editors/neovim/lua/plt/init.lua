-- The plugin as users see it: `setup`, the actions that keys can be mapped to, and the statusline.
-- It does not know how any of them works.

local client = require("plt.client")
local config = require("plt.config")
local events = require("plt.events")
local keys = require("plt.keys")
local native = require("plt.native")
local remote = require("plt.remote")
local state = require("plt.state")
local status = require("plt.status")

local M = {}

local DESCRIPTIONS = {
  { name = "accept", desc = "accept the suggestion" },
  { name = "accept_word", desc = "accept its next word" },
  { name = "accept_line", desc = "accept its next line" },
  { name = "next", desc = "show the next suggestion" },
  { name = "previous", desc = "show the previous suggestion" },
  { name = "dismiss", desc = "dismiss the suggestion" },
  { name = "trigger", desc = "ask for a suggestion" },
}

local function is_native()
  return state.config ~= nil and state.config.renderer ~= "plt" and native.is_available()
end

local function actions()
  return is_native() and native or require("plt.actions")
end

for _, action in ipairs(DESCRIPTIONS) do
  ---@return boolean whether there was something to do
  M[action.name] = function()
    return state.config ~= nil and actions()[action.name]()
  end
end

local function on_attach(event)
  local attached = vim.lsp.get_client_by_id(event.data.client_id)
  if not attached or attached.name ~= client.NAME then
    return
  end
  if is_native() then
    native.attach(attached)
  else
    events.watch(event.buf)
  end
  keys.attach(
    event.buf,
    state.config.keys,
    vim.tbl_map(function(action)
      return { name = action.name, desc = action.desc, run = M[action.name] }
    end, DESCRIPTIONS)
  )
end

---@param problems string[]
local function tell(problems)
  for _, problem in ipairs(problems) do
    vim.notify("plt: " .. problem, vim.log.levels.WARN)
  end
end

--- Starts the plugin; `:help plt-setup` says what can be given.
---@param options table?
function M.setup(options)
  if vim.fn.has("nvim-0.10") == 0 then
    vim.notify("plt: Neovim 0.10 or later is needed.", vim.log.levels.ERROR)
    return
  end
  local resolved, problems = config.resolve(options)
  state.config = resolved
  state.settings = vim.deepcopy(resolved.settings)
  if resolved.renderer == "native" and not native.is_available() then
    table.insert(problems, 'renderer = "native" needs Neovim 0.12; the plugin draws by itself.')
  end
  tell(problems)
  local group = vim.api.nvim_create_augroup("plt", { clear = true })
  vim.api.nvim_create_autocmd("LspAttach", { group = group, desc = "plt: map keys", callback = on_attach })
  events.attach_buffers(group)
  if not is_native() then
    events.follow_typing(group)
  end
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    client.attach(buf)
  end
end

--- Changes some of the server's settings while it runs.
---@param settings plt.Settings for example { inlineCompletion = { maxLines = 1 } }
function M.configure(settings)
  client.configure(settings)
end

--- Switches everything, or one language, on.
---@param language string?
function M.enable(language)
  M.set_enabled(true, language)
end

--- Switches everything, or one language, off.
---@param language string?
function M.disable(language)
  M.set_enabled(false, language)
end

---@param enabled boolean
---@param language string?
function M.set_enabled(enabled, language)
  if not language then
    state.enabled = enabled
    if status.kind() == "snoozed" then
      remote.snooze_for(0)
    end
  else
    local others = vim.tbl_filter(function(other)
      return other ~= language
    end, state.settings.disabledLanguages or {})
    client.configure({ disabledLanguages = enabled and others or vim.list_extend(others, { language }) })
  end
  if not enabled and state.config then
    actions().hide()
  end
  status.changed()
end

--- Has nothing suggested by itself for some minutes; asking with the trigger key still works. 0 minutes end it.
---@param minutes number
function M.snooze(minutes)
  actions().hide()
  remote.snooze_for(minutes)
end

--- Starts the server anew.
function M.restart()
  client.restart()
end

--- One line for a statusline; empty before `setup`.
---@return string
function M.statusline()
  return status.line()
end

return M
