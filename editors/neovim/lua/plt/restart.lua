-- Whether and when a server that ended by itself is started again: a pure rule over times in milliseconds.
-- It does not know processes or clocks; the caller says what time it is.

local M = {}

M.WINDOW_MS = 180000
M.MAX_EXITS = 5

local FIRST_PAUSE_MS = 1000

--- The exits that still count.
---@param exits integer[]
---@param now_ms integer
---@return integer[]
function M.recent(exits, now_ms)
  return vim.tbl_filter(function(exit_ms)
    return now_ms - exit_ms < M.WINDOW_MS
  end, exits)
end

--- The pause before the next start; the first is at once, and nil means that it ended too often.
---@param num_exits integer within the window, at least 1
---@return integer?
function M.pause_ms(num_exits)
  if num_exits > M.MAX_EXITS then
    return nil
  end
  return num_exits == 1 and 0 or FIRST_PAUSE_MS * 2 ^ (num_exits - 2)
end

return M
