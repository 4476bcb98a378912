-- `:Plt` and its words.
-- It does not know how what they ask for is done.

local client = require("plt.client")
local explain = require("plt.explain")
local log = require("plt.log")
local refactor = require("plt.refactor")
local remote = require("plt.remote")
local scratch = require("plt.scratch")
local server = require("plt.server")
local state = require("plt.state")
local status = require("plt.status")

local M = {}

local SNOOZE_MINUTES = 10

local function complain(message)
  vim.notify("plt: " .. message, vim.log.levels.ERROR)
end

local function show(lines)
  vim.api.nvim_echo({ { table.concat(lines, "\n") } }, true, {})
end

---@return string[]?
local function server_command()
  local cmd, problem = server.command(state.config)
  if problem then
    complain(problem)
  end
  return cmd
end

local function show_status()
  status.refresh(function(answer, problem)
    vim.schedule(function()
      show(status.report_lines(answer, problem))
    end)
  end)
end

local function open_log()
  local cmd = server_command()
  local lines = cmd and log.lines_of(log.tail(), cmd[1]) or {}
  if #lines == 0 then
    show({ "The server has not said anything yet. Neovim keeps its log in " .. log.path() })
    return
  end
  scratch.open(lines)
  vim.cmd("normal! G")
end

local function run_doctor()
  local cmd = server_command()
  if not cmd then
    return
  end
  vim.cmd.new()
  local words = server.sibling(cmd, "doctor")
  if vim.fn.has("nvim-0.11") == 1 then
    vim.fn.jobstart(words, { term = true })
  else
    vim.fn.termopen(words)
  end
end

local function snooze(words)
  local minutes = tonumber(words[1] or SNOOZE_MINUTES)
  if not minutes or minutes < 0 then
    complain((":Plt snooze takes a number of minutes, or 0 to end a snooze, not %q."):format(words[1]))
    return
  end
  require("plt").snooze(minutes)
end

local function show_lines(result)
  show(vim.split(vim.trim(result.text), "\n", { plain = true }))
end

--- The server checks the choice; where it takes it, it is a setting that outlives a restart of the server.
local function loops(words)
  local count = tonumber(words[1]) or words[1]
  remote.loops(count, function(result)
    if count then
      client.configure({ loops = count })
    end
    show_lines(result)
  end)
end

local function budget(words)
  local ms = tonumber(words[1])
  if words[1] and not ms then
    complain((":Plt budget takes a number of milliseconds, not %q."):format(words[1]))
    return
  end
  remote.budget(ms, function(result)
    if ms then
      client.configure({ inlineCompletion = { latencyBudgetMs = ms } })
    end
    show_lines(result)
  end)
end

local function loop_counts()
  local engine = (state.server or {}).engine
  local info = engine and engine ~= vim.NIL and engine.info
  local counts = info and info ~= vim.NIL and info.loops or {}
  return vim.list_extend({ "auto" }, vim.tbl_map(tostring, counts))
end

---@class plt.Rows lines from 1, both included
---@field first integer
---@field last integer

---@class plt.Subcommand
---@field run fun(words: string[], rows: plt.Rows?)
---@field words (fun(): string[])? what can follow

local function languages()
  return vim.fn.getcompletion("", "filetype")
end

---@type table<string, plt.Subcommand>
local SUBCOMMANDS = {
  status = { run = show_status },
  restart = {
    run = function()
      require("plt").restart()
    end,
  },
  log = { run = open_log },
  doctor = { run = run_doctor },
  context = {
    run = function()
      remote.context(scratch.open)
    end,
  },
  explain = {
    run = function(_, rows)
      explain.run(rows)
    end,
  },
  refactor = {
    run = function(words, rows)
      refactor.run(table.concat(words, " "), rows)
    end,
  },
  accept = { run = refactor.accept },
  discard = { run = refactor.discard },
  statistics = {
    run = function()
      remote.statistics(scratch.open)
    end,
  },
  loops = { run = loops, words = loop_counts },
  budget = {
    run = budget,
    words = function()
      return { "50", "100", "200", "300", "400", "800" }
    end,
  },
  snooze = {
    run = snooze,
    words = function()
      return { "0", "5", "10", "30", "60" }
    end,
  },
  enable = {
    run = function(words)
      require("plt").enable(words[1])
    end,
    words = languages,
  },
  disable = {
    run = function(words)
      require("plt").disable(words[1])
    end,
    words = languages,
  },
}

--- The names of the subcommands.
---@return string[]
function M.names()
  local names = vim.tbl_keys(SUBCOMMANDS)
  table.sort(names)
  return names
end

--- Runs `:Plt`; without a word it shows the status.
---@param words string[]
---@param rows plt.Rows? the lines that it is for
function M.run(words, rows)
  if not state.config then
    complain('call require("plt").setup() first; `:help plt-setup` says how.')
    return
  end
  local name = words[1] or "status"
  local subcommand = SUBCOMMANDS[name]
  if not subcommand then
    complain((":Plt %s is unknown; there are %s."):format(name, table.concat(M.names(), ", ")))
    return
  end
  subcommand.run(vim.list_slice(words, 2), rows)
end

--- Completes `:Plt`.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(line, "%s+", { trimempty = true })
  local num_done = #words - (lead ~= "" and 1 or 0)
  local candidates = {}
  if num_done == 1 then
    candidates = M.names()
  elseif num_done == 2 and SUBCOMMANDS[words[2]] and SUBCOMMANDS[words[2]].words then
    candidates = SUBCOMMANDS[words[2]].words()
  end
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates)
end

return M
