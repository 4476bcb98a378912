-- The window with an explanation that grows; closing it ends the explanation.
-- It does not know what an explanation says.

local remote = require("plt.remote")
local scratch = require("plt.scratch")

local M = {}

---@class plt.Explanation
---@field id integer
---@field text string
---@field done boolean

--- The window's buffer, and the explanation in it; nothing while the first words are on their way.
local shown = { buf = nil, id = nil, is_done = false } ---@type { buf: integer?, id: integer?, is_done: boolean }

---@param text string
---@return string[]
function M.lines_of(text)
  return vim.split(vim.trim(text), "\n", { plain = true })
end

local function open(lines)
  scratch.open(lines)
  shown.buf = vim.api.nvim_get_current_buf()
  vim.bo.filetype = "markdown"
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = shown.buf,
    once = true,
    callback = function(event)
      if shown.buf == event.buf then
        if not shown.is_done then
          remote.cancel_explanation()
        end
        shown.buf = nil
      end
    end,
  })
end

---@param lines string[]
local function fill(lines)
  vim.bo[shown.buf].modifiable = true
  vim.api.nvim_buf_set_lines(shown.buf, 0, -1, false, lines)
  vim.bo[shown.buf].modifiable = false
end

--- Shows an explanation as far as it goes; the first words of a new one open a window, and the rest follow there.
---@param told plt.Explanation
function M.note(told)
  if shown.id and told.id < shown.id then
    return
  end
  local lines = M.lines_of(told.text)
  local is_new = shown.id ~= told.id
  shown.id, shown.is_done = told.id, told.done
  if shown.buf and vim.api.nvim_buf_is_valid(shown.buf) then
    fill(lines)
  elseif is_new then
    local window = vim.api.nvim_get_current_win()
    open(lines)
    vim.api.nvim_set_current_win(window)
  end
end

--- Explains some lines of the current buffer, or, without them, what the cursor is in.
---@param rows plt.Rows?
function M.run(rows)
  remote.explain(rows, M.note)
end

--- Forgets what was shown; a server that starts anew counts from one again.
function M.reset()
  shown = { buf = nil, id = nil, is_done = false }
end

return M
