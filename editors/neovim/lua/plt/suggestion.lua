-- A suggestion and the text it continues, as pure functions over lines: does it still fit, and what is left of it?
-- It does not know buffers, windows or how anything is drawn.

local positions = require("plt.positions")

local M = {}

---@class plt.Suggestion
---@field start_row integer 0-based row of the line that the text begins with
---@field text string the whole text from the beginning of that line to the end of what is suggested
---@field suffix string what follows the cursor on its line; it never changes while the suggestion fits
---@field command table? the protocol's Command, to be run once the text is accepted

--- A protocol item against the line it was asked for, or nil where it cannot continue that line.
---@param item table lsp.InlineCompletionItem
---@param row integer 0-based row of the cursor
---@param line string the cursor's line when the item was asked for
---@param col integer byte offset of the cursor in it
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return plt.Suggestion?
function M.from_item(item, row, line, col, encoding)
  local insert = type(item.insertText) == "table" and item.insertText.value or item.insertText
  local first, last = col, col
  if item.range then
    if item.range.start.line ~= row or item.range["end"].line ~= row then
      return nil
    end
    first = positions.byte_of(line, item.range.start.character, encoding)
    last = positions.byte_of(line, item.range["end"].character, encoding)
  end
  if last ~= col or not vim.startswith(insert, line:sub(first + 1, col)) then
    return nil
  end
  local text = line:sub(1, first) .. insert:gsub("\r\n?", "\n")
  return { start_row = row, text = text, suffix = line:sub(col + 1), command = item.command }
end

--- What is left of a suggestion, and where: nil where the lines are no longer a part of it, or all of it.
---@param suggestion plt.Suggestion
---@param lines string[] the buffer's lines from the suggestion's first to the cursor's
---@return string? rest
---@return integer? col byte offset in the last line where the rest belongs
function M.rest(suggestion, lines)
  local last = lines[#lines]
  if not last or not vim.endswith(last, suggestion.suffix) then
    return nil
  end
  local joined = table.concat(lines, "\n")
  local typed = joined:sub(1, #joined - #suggestion.suffix)
  if #typed >= #suggestion.text or not vim.startswith(suggestion.text, typed) then
    return nil
  end
  return suggestion.text:sub(#typed + 1), #last - #suggestion.suffix
end

--- The next word of a text with the blanks before it; after a line end the next line's first word.
---@param rest string
---@return string
function M.next_word(rest)
  local stop = vim.fn.matchend(rest, [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]])
  return stop > 0 and rest:sub(1, stop) or rest -- the blanks at the end, where no word follows
end

--- The rest of the first line of a text, or the next whole line where the first has nothing left.
---@param rest string
---@return string
function M.next_line(rest)
  return rest:match("^\n*[^\n]*")
end

--- The part of a text that a line does not end with yet.
---@param before string the line up to the cursor
---@param text string
---@return string
function M.continuation(before, text)
  for num_bytes = math.min(#before, #text), 1, -1 do
    if vim.endswith(before, text:sub(1, num_bytes)) then
      return text:sub(num_bytes + 1)
    end
  end
  return text
end

return M
