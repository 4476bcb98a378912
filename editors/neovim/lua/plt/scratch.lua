-- A window with text to read, which is gone once the window is closed.
-- It does not know what stands in it.

local M = {}

---@param lines string[]
function M.open(lines)
  vim.cmd.new()
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = "nofile", "wipe", false
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  vim.bo.modifiable = false
end

return M
