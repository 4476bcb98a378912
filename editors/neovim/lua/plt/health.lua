-- `:checkhealth plt`: what keeps suggestions from coming, and what to do about it.
-- It does not change anything.

local native = require("plt.native")
local server = require("plt.server")
local state = require("plt.state")
local status = require("plt.status")

local M = {}

local ANSWER_TIMEOUT_MS = 5000
local VERSION_TIMEOUT_MS = 20000

local function check_neovim()
  local version = tostring(vim.version())
  if vim.fn.has("nvim-0.10") == 1 then
    vim.health.ok("Neovim " .. version)
  else
    vim.health.error("Neovim " .. version .. " is too old", "0.10 or later is needed")
  end
  local is_native = state.config and state.config.renderer ~= "plt" and native.is_available()
  vim.health.info("ghost text is drawn by " .. (is_native and "Neovim (vim.lsp.inline_completion)" or "the plugin"))
end

---@return boolean
local function check_setup()
  if state.config then
    vim.health.ok("setup() was called")
    return true
  end
  vim.health.error("setup() was not called", 'add require("plt").setup() to your init.lua')
  return false
end

local function check_command()
  local cmd, problem = server.command(state.config)
  if not cmd then
    vim.health.error(problem)
    return
  end
  local done = vim.system(server.sibling(cmd, "--version"), { text = true, timeout = VERSION_TIMEOUT_MS }):wait()
  if done.code == 0 then
    vim.health.ok(("%s: %s"):format(table.concat(cmd, " "), vim.trim(done.stdout)))
  else
    local said = vim.trim((done.stderr or "") .. (done.stdout or ""))
    vim.health.error(("%s does not run (exit code %d)"):format(cmd[1], done.code), said)
  end
end

local function check_engine(answer)
  if answer.kind == "Error" then
    vim.health.error(answer.message, "mend it, then ask for a suggestion or run `:Plt restart`")
  elseif answer.kind == "Warning" then
    vim.health.warn(answer.message, "`:Plt log` shows what the engine said")
  elseif answer.engine then
    vim.health.ok("the engine is running")
  else
    vim.health.info("the engine is not running; it starts with the first completion")
  end
end

local function check_server()
  if not status.client() then
    local advice = "open a file with a file type; `:Plt restart` starts it; `:Plt log` shows what it said"
    vim.health.warn("the server is not running", advice)
    return
  end
  local answer, is_done = nil, false
  status.refresh(function(result)
    answer, is_done = result, true
  end)
  vim.wait(ANSWER_TIMEOUT_MS, function()
    return is_done
  end)
  if not answer then
    vim.health.error("the server does not answer", "`:Plt log` shows what it said; `:Plt restart` starts it anew")
    return
  end
  vim.health.ok(("the server answers: plt-lsp %s, model %s"):format(answer.version, answer.model))
  check_engine(answer)
end

local function check_keys()
  if state.config.keys == false then
    vim.health.info("no keys are mapped (keys = false)")
    return
  end
  for name, key in vim.spairs(state.config.keys) do
    vim.health.info(("%s: %s"):format(name, key or "not mapped"))
  end
end

local function check_others()
  for module, name in pairs({ copilot = "copilot.lua", supermaven_nvim = "supermaven", codeium = "codeium" }) do
    if package.loaded[module] then
      vim.health.warn(name .. " is loaded", "two sources of ghost text draw over each other; disable one")
    end
  end
end

function M.check()
  vim.health.start("plt")
  check_neovim()
  if not check_setup() then
    return
  end
  check_command()
  check_server()
  check_keys()
  check_others()
end

return M
