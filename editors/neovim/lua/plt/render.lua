-- Draws ghost text with one extmark: its first line within the cursor's line, the others as virtual lines below.
-- It does not know where the text comes from; what it draws never changes the buffer.

local M = {}

M.HIGHLIGHT = "PltGhost"

local namespace = vim.api.nvim_create_namespace("plt.ghost")

M.namespace = namespace

--- One line of ghost text as the terminal can show it: tabs become blanks, other control characters their names.
---@param text string
---@param column integer the display column that the text begins in
---@return string
function M.printable(text, column)
  local shown = {}
  for i, piece in ipairs(vim.split(text, "\t", { plain = true })) do
    if i > 1 then
      local blanks = vim.fn.strdisplaywidth("\t", column)
      table.insert(shown, (" "):rep(blanks))
      column = column + blanks
    end
    local visible = vim.fn.strtrans(piece)
    table.insert(shown, visible)
    column = column + vim.fn.strdisplaywidth(visible, column)
  end
  return table.concat(shown)
end

--- A line cut into pieces that fit the window, as Neovim wraps real lines but not virtual ones.
---@param text string
---@param width integer display cells
---@return string[]
function M.wrapped(text, width)
  local pieces, piece, used = {}, {}, 0
  for _, char in ipairs(vim.fn.split(text, [[\zs]])) do
    local cells = vim.fn.strdisplaywidth(char)
    if used + cells > width and used > 0 then
      table.insert(pieces, table.concat(piece))
      piece, used = {}, 0
    end
    table.insert(piece, char)
    used = used + cells
  end
  table.insert(pieces, table.concat(piece))
  return pieces
end

--- The display width of the text area of a window.
---@param win integer
---@return integer
local function text_width(win)
  local info = vim.fn.getwininfo(win)[1]
  return math.max(1, info.width - info.textoff)
end

---@param lines string[] lines 2 and on of the ghost text
---@param win integer
---@return table[] chunks for `virt_lines`
local function virtual_lines(lines, win)
  local width, is_wrapping = text_width(win), vim.wo[win].wrap
  local chunks = {}
  for _, line in ipairs(lines) do
    local shown = M.printable(line, 0)
    for _, piece in ipairs(is_wrapping and M.wrapped(shown, width) or { shown }) do
      table.insert(chunks, { { piece, M.HIGHLIGHT } })
    end
  end
  return chunks
end

--- Replaces what is drawn in a buffer by this text.
---@param buf integer
---@param win integer the window whose width and wrapping count
---@param row integer 0-based
---@param col integer byte offset in the row
---@param text string
function M.show(buf, win, row, col, text)
  local line = vim.api.nvim_buf_get_lines(buf, row, row + 1, true)[1]
  local before, after = line:sub(1, col), line:sub(col + 1)
  local lines = vim.split(text, "\n", { plain = true })
  local first = M.printable(table.remove(lines, 1), vim.fn.strdisplaywidth(before))
  local options = { id = 1, virt_text = { { first, M.HIGHLIGHT } }, virt_text_pos = "inline", hl_mode = "combine" }
  if #lines > 0 and after:find("%S") then
    -- What follows the cursor will stand behind the last line, so it is shown there and covered where it is now.
    lines[#lines] = lines[#lines] .. after
    local blanks = math.max(0, vim.fn.strdisplaywidth(after) - vim.fn.strdisplaywidth(first))
    options.virt_text[1][1] = first .. (" "):rep(blanks)
    options.virt_text_pos = "overlay"
  end
  if #lines > 0 then
    options.virt_lines = virtual_lines(lines, win)
    if vim.fn.has("nvim-0.11") == 1 and not vim.wo[win].wrap then
      options.virt_lines_overflow = "scroll"
    end
  end
  vim.api.nvim_buf_set_extmark(buf, namespace, row, col, options)
end

--- Draws nothing any more.
---@param buf integer
function M.clear(buf)
  if vim.api.nvim_buf_is_valid(buf) then
    vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  end
end

return M
