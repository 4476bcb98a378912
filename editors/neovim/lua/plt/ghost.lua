-- The one suggestion that is shown: kept, narrowed or dropped as the buffer changes, before the screen is drawn.
-- It does not ask for suggestions and does not change the buffer.

local menu = require("plt.menu")
local render = require("plt.render")
local state = require("plt.state")
local suggestion = require("plt.suggestion")

local M = {}

---@class plt.Ghost
---@field buf integer
---@field suggestions plt.Suggestion[] all of them continue the same text
---@field index integer which of them is shown
---@field start_row integer 0-based row that their text begins in
---@field end_row integer 0-based row of the cursor
---@field invoked boolean whether the user asked for them

---@class plt.Shown
---@field ghost plt.Ghost
---@field suggestion plt.Suggestion
---@field rest string what accepting would insert
---@field row integer 0-based
---@field col integer byte offset

local function is_inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == "i"
end

--- The text that is left of the chosen suggestion, whether it is on the screen or hidden behind a menu.
---@param ghost plt.Ghost
---@return plt.Shown?
local function fit(ghost)
  local chosen = ghost.suggestions[ghost.index]
  local lines = vim.api.nvim_buf_get_lines(ghost.buf, ghost.start_row, ghost.end_row + 1, false)
  local rest, col = suggestion.rest(chosen, lines)
  if not rest then
    return nil
  end
  return { ghost = ghost, suggestion = chosen, rest = rest, row = ghost.end_row, col = col }
end

---@param shown plt.Shown
local function is_at_cursor(shown)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  return row - 1 == shown.row and col == shown.col
end

---@param shown plt.Shown
local function draw(shown)
  if state.config.hide_with_menu and menu.is_visible() then
    render.clear(shown.ghost.buf)
  else
    render.show(shown.ghost.buf, vim.api.nvim_get_current_win(), shown.row, shown.col, shown.rest)
  end
end

--- Drops the suggestion.
function M.clear()
  local ghost = state.ghost
  state.ghost = nil
  if ghost then
    render.clear(ghost.buf)
  end
end

--- Draws what still fits, or drops the suggestion; says whether one is left.
---@return boolean
function M.refresh()
  local ghost = state.ghost
  if not ghost then
    return false
  end
  local is_here = ghost.buf == vim.api.nvim_get_current_buf() and is_inserting()
  local shown = is_here and fit(ghost) or nil
  if not shown or not is_at_cursor(shown) then
    M.clear()
    return false
  end
  draw(shown)
  return true
end

--- Shows the first of some suggestions that fits.
---@param buf integer
---@param suggestions plt.Suggestion[] for the cursor's line
---@param invoked boolean
---@return boolean whether there is one
function M.set(buf, suggestions, invoked)
  M.clear()
  if #suggestions == 0 then
    return false
  end
  local row = suggestions[1].start_row
  state.ghost = { buf = buf, suggestions = suggestions, index = 1, start_row = row, end_row = row, invoked = invoked }
  return M.refresh()
end

--- Shows more of a text that is still being written, unless the user has turned to another suggestion.
---@param buf integer
---@param longer plt.Suggestion
function M.grow(buf, longer)
  local ghost = state.ghost
  if not ghost then
    M.set(buf, { longer }, false)
  elseif ghost.buf == buf and ghost.index == 1 and ghost.start_row == longer.start_row then
    longer.command = ghost.suggestions[1].command
    ghost.suggestions[1] = longer
    M.refresh()
  end
end

--- What accepting would insert now, or nil where nothing is on the screen.
---@return plt.Shown?
function M.shown()
  local ghost = state.ghost
  if not ghost or ghost.buf ~= vim.api.nvim_get_current_buf() or not is_inserting() then
    return nil
  end
  if state.config.hide_with_menu and menu.is_visible() then
    return nil
  end
  local shown = fit(ghost)
  return shown and is_at_cursor(shown) and shown or nil
end

--- Shows another of the suggestions that fit.
---@param step integer 1 or -1
---@return boolean whether there was another
function M.cycle(step)
  local ghost = state.ghost
  if not ghost then
    return false
  end
  local num, before = #ghost.suggestions, ghost.index
  for _ = 1, num - 1 do
    ghost.index = (ghost.index - 1 + step) % num + 1
    if fit(ghost) then
      return M.refresh()
    end
  end
  ghost.index = before
  return false
end

--- Follows a change of the buffer's lines at once, so that nothing stale is ever drawn.
---@param buf integer
---@param first integer 0-based first line that changed
---@param last integer line after the last one that changed, before the change
---@param new_last integer the same after the change
function M.follow(buf, first, last, new_last)
  local ghost = state.ghost
  if not ghost or ghost.buf ~= buf or first > ghost.end_row then
    return
  end
  local growth = new_last - last
  if last <= ghost.start_row and is_inserting() then
    ghost.start_row, ghost.end_row = ghost.start_row + growth, ghost.end_row + growth
    return
  end
  local is_inside = first >= ghost.start_row and last <= ghost.end_row + 1 and is_inserting()
  ghost.end_row = ghost.end_row + growth
  local shown = is_inside and ghost.end_row >= ghost.start_row and fit(ghost) or nil
  if shown then
    draw(shown)
  else
    M.clear()
  end
end

return M
