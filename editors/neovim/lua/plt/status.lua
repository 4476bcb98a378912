-- What the plugin and the server are doing, in a word and in a line.
-- It does not change anything; it asks the server only what the server keeps anyway.

local rpc = require("plt.rpc")
local state = require("plt.state")

local M = {}

--- The server's reasons for requests that fail, in a few words.
local FAILURES = {
  no_pack = "no model",
  pack_error = "model unusable",
  loops_refused = "loops refused",
  engine_died = "engine died",
  engine_error = "engine error",
}

---@return vim.lsp.Client?
function M.client()
  return state.client_id and vim.lsp.get_client_by_id(state.client_id) or nil
end

--- The server's reasons for offering nothing that are not the file's.
local PAUSES = { snoozed = "snoozed", disabled = "disabled" }

--- What goes on in the server, as it has told.
---@param told table of plt/didChangeStatus
local function told_kind(told)
  if told.kind == "Inactive" then
    return PAUSES[told.reason] or "off here"
  elseif told.kind == "Busy" and told.reason == "loading" then
    return "loading"
  elseif (state.request and state.request.id) or told.kind == "Busy" then
    return "busy"
  elseif told.kind == "Error" or told.kind == "Warning" then
    return "failed"
  end
  return told.reason == "engine_off" and "engine off" or "ready"
end

--- What goes on, as one of a few words that statuslines can map to icons.
---@return "off"|"stopped"|"starting"|"disabled"|"snoozed"|"off here"|"loading"|"busy"|"failed"|"engine off"|"ready"
function M.kind()
  if not state.config then
    return "off"
  end
  local client = M.client()
  if not client then
    return state.has_given_up and "stopped" or "off"
  elseif not client.initialized then
    return "starting"
  elseif not state.enabled then
    return "disabled"
  end
  return told_kind(state.server or {})
end

--- What was chosen for the last text, as the server has told.
---@return table?
local function decision()
  local found = (state.server or {}).decision
  return found ~= vim.NIL and found or nil
end

--- The model, its loops and the last latency, as far as they are known.
local function figures()
  local words = {}
  local report = state.report
  if report and report.model then
    table.insert(words, report.model)
  end
  if report and report.metrics then
    local chosen = decision()
    table.insert(words, ("R=%d"):format(chosen and chosen.loops or report.metrics.loops))
    table.insert(words, ("%d ms"):format(report.elapsedMs))
  end
  return table.concat(words, " ")
end

--- One line for a statusline; empty before `setup`.
---@return string
function M.line()
  local kind = M.kind()
  if kind == "off" then
    return state.config and "plt: off" or ""
  elseif kind == "failed" then
    return "plt: " .. (FAILURES[state.server.reason] or state.server.reason)
  elseif kind == "snoozed" then
    return "plt: " .. state.server.message:lower():gsub("%.$", "")
  elseif kind == "ready" then
    return vim.trim("plt: ready " .. figures())
  end
  return "plt: " .. kind
end

--- Tells statuslines and the user's own autocommands where something is new.
function M.changed()
  vim.schedule(function()
    local line = M.line()
    if line == state.told_line then
      return
    end
    state.told_line = line
    vim.api.nvim_exec_autocmds("User", { pattern = "PltStatus", modeline = false })
    vim.cmd.redrawstatus()
  end)
end

--- The server's completion report.
---@param report table
function M.note_report(report)
  state.report = report
  M.changed()
end

--- The server's state, which it tells whenever it has changed.
---@param told table plt/didChangeStatus
function M.note_status(told)
  state.server = told
  M.changed()
end

--- Asks the server for its state, with figures of this moment.
---@param on_done fun(answer: table?, problem: string?)?
function M.refresh(on_done)
  local client = M.client()
  if not client or not client.initialized then
    if on_done then
      on_done(nil, "The server is not running.")
    end
    return
  end
  rpc.request(client, "plt/status", nil, function(err, result)
    if result then
      M.note_status(result)
    end
    if on_done then
      on_done(result, err and err.message)
    end
  end)
end

---@param engine table? of plt/status
---@return string
local function engine_line(engine)
  if not engine then
    return "engine    not running; it starts with the next completion"
  end
  local info = engine.info ~= vim.NIL and engine.info
  local model = info and (", %s, R=%d, %s %s"):format(info.pack, info.defaultLoops, info.device, info.dtype)
  return ("engine    running (process %d, start %d)%s"):format(engine.pid, engine.numStarts, model or ", loading")
end

---@return string
local function last_line()
  local report = state.report
  if not report then
    return "last      none yet"
  end
  return ("last      %s after %d ms"):format(report.outcome, report.elapsedMs)
end

--- Several lines for `:Plt status`.
---@param answer table? of plt/status
---@param problem string?
---@return string[]
function M.report_lines(answer, problem)
  local lines = { M.line() }
  if answer then
    table.insert(lines, ("server    plt-lsp %s, model %s"):format(answer.version, answer.model))
    table.insert(lines, ("state     %s: %s"):format(answer.kind, answer.message))
    table.insert(lines, engine_line(answer.engine))
    table.insert(lines, last_line())
    table.insert(lines, ("loops     %s, %d ms while typing"):format(answer.loops, answer.budgetsMs.typing))
    local chosen = decision()
    if chosen then
      table.insert(lines, "chosen    " .. chosen.text)
    end
  else
    table.insert(lines, "server    " .. (problem or "no answer"))
  end
  return lines
end

return M
