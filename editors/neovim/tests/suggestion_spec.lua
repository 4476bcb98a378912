local suggestion = require("plt.suggestion")

local function item(text, first, last)
  return {
    insertText = text,
    range = { start = { line = 4, character = first }, ["end"] = { line = 4, character = last } },
  }
end

local function from(text, first, last, line, col, encoding)
  return suggestion.from_item(item(text, first, last), 4, line, col, encoding or "utf-16")
end

local M = {}

M["an item that replaces its line's beginning keeps what is typed"] = function()
  local found = from("    return a + b", 0, 10, "    return", 10)
  equal(found, { start_row = 4, text = "    return a + b", suffix = "" })
end

M["an item that replaces a part of the line is put behind the rest of it"] = function()
  equal(from("foobar", 4, 7, "x = foo", 7).text, "x = foobar")
end

M["an item without a range belongs at the cursor"] = function()
  local found = suggestion.from_item({ insertText = "bar" }, 4, "foo)", 3, "utf-16")
  equal(found, { start_row = 4, text = "foobar", suffix = ")" })
end

M["characters are counted in the client's encoding"] = function()
  local line = "é😀 = "
  equal(#line, 9)
  equal(from(line .. "1", 0, 6, line, 9, "utf-16").text, line .. "1")
  equal(from(line .. "1", 0, 5, line, 9, "utf-32").text, line .. "1")
  equal(from(line .. "1", 0, 9, line, 9, "utf-8").text, line .. "1")
end

M["an item that does not continue what is typed is none"] = function()
  equal(from("return", 0, 2, "yi", 2), nil)
end

M["an item that would eat what follows the cursor is none"] = function()
  equal(from("foo()", 0, 5, "foo()", 3), nil)
end

M["an item for another line is none"] = function()
  local other = item("x", 0, 0)
  other.range.start.line = 3
  equal(suggestion.from_item(other, 4, "", 0, "utf-16"), nil)
end

M["a snippet string is taken as its text and line ends become one kind"] = function()
  local found = suggestion.from_item({ insertText = { value = "a\r\nb\rc" } }, 0, "", 0, "utf-16")
  equal(found.text, "a\nb\nc")
end

local SHOWN = { start_row = 0, text = "if x:\n    y()", suffix = "" }

M["typing the same text narrows it"] = function()
  equal({ suggestion.rest(SHOWN, { "if" }) }, { " x:\n    y()", 2 })
  equal({ suggestion.rest(SHOWN, { "if x" }) }, { ":\n    y()", 4 })
end

M["a line break and indentation narrow it too"] = function()
  equal({ suggestion.rest(SHOWN, { "if x:", "" }) }, { "    y()", 0 })
  equal({ suggestion.rest(SHOWN, { "if x:", "    " }) }, { "y()", 4 })
end

M["deleting widens it again"] = function()
  equal({ suggestion.rest(SHOWN, { "" }) }, { "if x:\n    y()", 0 })
end

M["other text, or all of it, leaves nothing"] = function()
  equal(suggestion.rest(SHOWN, { "iff" }), nil)
  equal(suggestion.rest(SHOWN, { "if x:", "    y()" }), nil)
  equal(suggestion.rest(SHOWN, {}), nil)
end

M["what follows the cursor must stay as it was"] = function()
  local inner = { start_row = 0, text = "f(a, b", suffix = ")" }
  equal({ suggestion.rest(inner, { "f(a)" }) }, { ", b", 3 })
  equal(suggestion.rest(inner, { "f(a))x" }), nil)
  equal(suggestion.rest(inner, { "f(a" }), nil)
end

M["words end where names end"] = function()
  equal(suggestion.next_word("fib(n - 1)"), "fib")
  equal(suggestion.next_word("(n - 1)"), "(")
  equal(suggestion.next_word(" - 1)"), " -")
  equal(suggestion.next_word("größe = 1"), "größe")
  equal(suggestion.next_word("😀 x"), "😀")
  equal(suggestion.next_word("\n    return x"), "\n    return")
  equal(suggestion.next_word("   "), "   ")
end

M["lines end before their line end"] = function()
  equal(suggestion.next_line("a\nb"), "a")
  equal(suggestion.next_line("\n  b\nc"), "\n  b")
  equal(suggestion.next_line("\n\n  b\nc"), "\n\n  b")
  equal(suggestion.next_line("a"), "a")
end

M["accepting by words or by lines gives the whole text in the end"] = function()
  local text = "return größe(\n\t😀,\n\n  x\n)  "
  for _, piece in ipairs({ suggestion.next_word, suggestion.next_line }) do
    local rest, taken = text, {}
    while rest ~= "" do
      local part = piece(rest)
      assert(part ~= "", "nothing was taken of " .. vim.inspect(rest))
      table.insert(taken, part)
      rest = rest:sub(#part + 1)
    end
    equal(table.concat(taken), text)
  end
end

M["a continuation is the text without what the line ends with"] = function()
  equal(suggestion.continuation("    ret", "    return x"), "urn x")
  equal(suggestion.continuation("a.b", "b.c"), ".c")
  equal(suggestion.continuation("", "x"), "x")
  equal(suggestion.continuation("y", "x"), "x")
end

return M
