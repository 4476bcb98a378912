-- Starts the server, attaches buffers of any number of projects to it, and starts it again when it ends by itself.
-- It does not know suggestions; what happens to an attached buffer is the caller's.

local explain = require("plt.explain")
local growth = require("plt.growth")
local refactor = require("plt.refactor")
local restart = require("plt.restart")
local rpc = require("plt.rpc")
local server = require("plt.server")
local state = require("plt.state")
local status = require("plt.status")

local M = {}

M.NAME = "plt"

local function notify(message, level)
  vim.notify("plt: " .. message, level)
end

--- Whether the server is to see a buffer: a named file, and of a file type that the user wants.
---@param buf integer
---@return boolean
function M.wants(buf)
  if not vim.api.nvim_buf_is_loaded(buf) or vim.bo[buf].buftype ~= "" or vim.api.nvim_buf_get_name(buf) == "" then
    return false
  end
  local filetype, wanted = vim.bo[buf].filetype, state.config.filetypes
  return filetype ~= "" and (wanted == nil or vim.list_contains(wanted, filetype))
end

local function is_path(model)
  return type(model) == "string" and (model:find("[/\\]") or model:find("^[.~]")) ~= nil
end

--- The settings as the server may ask for them; a model's path is told at the start only, as the server demands.
local function pulled_settings()
  local settings = vim.deepcopy(state.settings)
  if is_path(settings.model) then
    settings.model = nil
  end
  return { plt = vim.tbl_isempty(settings) and vim.empty_dict() or settings }
end

local function capabilities()
  local own = {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    workspace = { workspaceEdit = { documentChanges = true } },
  }
  local known = vim.lsp.protocol.make_client_capabilities()
  return vim.tbl_deep_extend("force", known, own, state.config.capabilities or {})
end

local function on_exit(code, signal, client_id)
  local is_wanted = state.stopping[client_id] or vim.v.exiting ~= vim.NIL
  state.stopping[client_id] = nil
  if state.client_id == client_id then
    state.client_id, state.server, state.report = nil, nil, nil
  end
  explain.reset()
  refactor.reset()
  status.changed()
  if is_wanted then
    return
  end
  local now = vim.uv.now()
  state.exits = restart.recent(state.exits, now)
  table.insert(state.exits, now)
  local pause = restart.pause_ms(#state.exits)
  if pause then
    vim.defer_fn(M.start_all, pause)
    return
  end
  state.has_given_up = true
  local message = "the server ended %d times in a row (exit code %d, signal %d) and is not started again by itself. "
    .. "`:Plt log` shows why; `:Plt restart` tries again."
  notify(message:format(#state.exits, code, signal), vim.log.levels.ERROR)
end

---@param cmd string[]
---@param root string?
---@return vim.lsp.ClientConfig
local function client_config(cmd, root)
  local announced = {
    capabilities = {
      completionReport = true,
      explanationProgress = true,
      inlineCompletionProgress = state.config.stream,
      refactoringProgress = true,
      renameAt = true,
      statusNotifications = true,
    },
  }
  return {
    name = M.NAME,
    cmd = cmd,
    root_dir = root,
    capabilities = capabilities(),
    init_options = { plt = vim.tbl_deep_extend("force", state.settings, announced) },
    settings = pulled_settings(),
    commands = { ["plt.renameAt"] = refactor.rename_at },
    handlers = {
      ["plt/completionReport"] = function(_, report)
        status.note_report(report)
      end,
      ["plt/inlineCompletionProgress"] = function(_, progress)
        growth.note(progress)
      end,
      ["plt/explanationProgress"] = function(_, told)
        explain.note(told)
      end,
      ["plt/refactoringProgress"] = function(_, told)
        refactor.note(told)
      end,
      ["plt/didChangeStatus"] = function(_, told)
        status.note_status(told)
      end,
    },
    on_exit = function(...)
      local args = { ... }
      vim.schedule(function()
        on_exit(unpack(args))
      end)
    end,
  }
end

--- One server serves every project: a new root becomes a workspace folder of the running one.
---@param client vim.lsp.Client
---@param root string?
local function add_folder(client, root)
  if not root then
    return
  end
  local uri = vim.uri_from_fname(root)
  local folders = client.workspace_folders or {}
  for _, folder in ipairs(folders) do
    if folder.uri == uri then
      return
    end
  end
  local folder = { uri = uri, name = root }
  client.workspace_folders = vim.list_extend(folders, { folder })
  rpc.notify(client, "workspace/didChangeWorkspaceFolders", { event = { added = { folder }, removed = {} } })
end

---@param root string?
local function reuse(root)
  return function(client, config)
    if client.name ~= config.name or client.id ~= state.client_id then
      return false
    end
    add_folder(client, root)
    return true
  end
end

--- Starts the server for a buffer, or has the running one see it.
---@param buf integer
---@param cmd string[]
local function start(buf, cmd)
  local root = vim.fs.root(buf, state.config.root_markers)
  local id = vim.lsp.start(client_config(cmd, root), { bufnr = buf, reuse_client = reuse(root) })
  if id then
    state.client_id = id
    status.changed()
  end
end

--- Has the server see a buffer, if it is one for it; a server that ended too often is left alone until `restart`.
---@param buf integer
function M.attach(buf)
  if not M.wants(buf) then
    state.buffers[buf] = nil
    return
  end
  state.buffers[buf] = true
  local cmd, problem = server.command(state.config)
  if not cmd then
    vim.notify_once("plt: " .. problem, vim.log.levels.ERROR)
  elseif not state.has_given_up then
    start(buf, cmd)
  end
end

--- Starts the server for every buffer that it is to see.
function M.start_all()
  for _, buf in ipairs(vim.tbl_keys(state.buffers)) do
    M.attach(buf)
  end
end

--- Ends the server, if it runs, and starts it anew; forgets how often it ended before.
function M.restart()
  state.exits, state.has_given_up = {}, false
  local _, problem = server.command(state.config)
  if problem then
    notify(problem, vim.log.levels.ERROR)
  end
  local client = status.client()
  if client then
    state.stopping[client.id] = true
    state.client_id, state.server, state.report = nil, nil, nil
    rpc.stop(client)
  end
  M.start_all()
end

--- Changes some of the server's settings, now and for servers to come.
---@param changes table
function M.configure(changes)
  state.settings = vim.tbl_deep_extend("force", state.settings, changes)
  local client = status.client()
  if not client then
    return
  end
  if is_path(changes.model) then
    M.restart()
    return
  end
  client.settings = pulled_settings()
  rpc.notify(client, "workspace/didChangeConfiguration", { settings = client.settings })
end

return M
